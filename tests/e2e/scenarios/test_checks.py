"""What counts as well is the user's to say, without a release."""


def test_checks_decide_over_a_boot(server, admin, repo):
    assert admin.push(repo, "checked").code == 0
    assert admin.ssh("checks:run", "checked").code == 0
    try:
        done = admin.ssh("checks:set", "checked", "path=/up", "content=never", "attempts=2")
        assert done.code == 0, done.err
        run = admin.ssh("checks:run", "checked")
        assert (run.code, "without 'never'" in run.out) == (1, True)
        restart = admin.ssh("ps:restart", "checked")
        assert restart.code == 1
        assert "without 'never'" in restart.out + restart.err
        assert server.get("checked").status_code == 200

        assert admin.ssh("checks:disable", "checked").code == 0
        assert admin.ssh("checks:run", "checked").code == 0
        admin.ssh("checks:enable", "checked")
        assert admin.ssh("checks:run", "checked").code == 1
        admin.ssh("checks:set", "checked", "content=")
        assert admin.ssh("checks:run", "checked").code == 0
        assert admin.ssh("ps:restart", "checked").code == 0
    finally:
        admin.ssh("apps:destroy", "checked", "--force")
