"""Pushing with stock git over OpenSSH: what goes live, what is refused, and in which words."""

import asyncio
from pathlib import Path

import pytest

from deployzero.errors import ConflictError
from deployzero.models.deployment import Outcome


async def test_first_push_creates_the_app_and_goes_live(server, client):
    await client.repository()
    head = await client.ok("rev-parse", "HEAD")
    result = await client.git("push", "deployzero", "main")
    assert result.code == 0, result.err
    assert "remote: -----> Building" in result.err
    assert "remote: =====> Live" in result.err
    push = server.platform.pushes[0]
    assert (push.app, push.branch, push.new_commit, push.old_commit) == (
        "hello",
        "main",
        head,
        None,
    )
    assert push.user == client.user
    assert not push.forced
    assert push.message == "Change"
    assert (Path(push.checkout) / "index.html").read_text() == "<h1>hello</h1>\n"
    assert set(push.timings) == {"receive", "checkout"}
    assert await client.remote_refs() == {"HEAD": head, "refs/heads/main": head}
    assert server.leftovers() == []


async def test_failed_deployment_rejects_the_ref_and_the_same_push_works_again(server, client):
    await client.repository()
    await client.ok("push", "deployzero", "main")
    before = await client.remote_refs()
    new = await client.commit("index.html", "broken\n")
    server.platform.outcome = Outcome(False, "build failed: npm ci exited with 1")
    result = await client.git("push", "deployzero", "main")
    assert result.code == 1
    assert "! [remote rejected] main -> main (build failed: npm ci exited with 1)" in result.err
    assert await client.remote_refs() == before
    server.platform.outcome = Outcome(True, "")
    again = await client.git("push", "deployzero", "main")
    assert again.code == 0, again.err
    assert "Everything up-to-date" not in again.err
    assert (await client.remote_refs())["refs/heads/main"] == new


async def test_app_that_does_not_serve_advertises_no_branch(server, client):
    await client.repository()
    server.platform.outcome = Outcome(False, "crashed")
    assert (await client.git("push", "deployzero", "main")).code == 1
    assert await client.remote_refs() == {}
    server.platform.outcome = Outcome(True, "")
    assert (await client.git("push", "deployzero", "main")).code == 0


async def test_advertised_branch_follows_a_rollback(server, client):
    await client.repository()
    first = await client.ok("rev-parse", "HEAD")
    await client.ok("push", "deployzero", "main")
    second = await client.commit("index.html", "two")
    await client.ok("push", "deployzero", "main")
    app = server.platform.apps["hello"]
    app.target = type(app.target)("hello", "main", first)
    assert (await client.remote_refs())["refs/heads/main"] == first
    assert (await client.git("push", "deployzero", "main")).code == 0
    assert (await client.remote_refs())["refs/heads/main"] == second


async def test_master_is_the_deploy_branch_of_an_app_that_began_with_it(server, client):
    await client.repository(branch="master")
    await client.ok("push", "deployzero", "master")
    result = await client.git("push", "deployzero", "master:main")
    assert result.code == 1
    assert "only master is deployed" in result.err


@pytest.mark.parametrize("path", ["/hello", "hello.git", "/hello.git", "~/hello"])
async def test_forms_of_the_remote(server, client, path):
    await client.repository()
    url = f"ssh://x@127.0.0.1:{server.port}/{path.removeprefix('/')}"
    assert (await client.git("push", url, "main")).code == 0
    assert server.platform.pushes[0].app == "hello"


async def test_wrong_branch_is_refused_before_any_build_with_the_right_command(server, client):
    await client.repository()
    await client.ok("switch", "-q", "-c", "feature")
    result = await client.git("push", "deployzero", "feature")
    assert result.code == 1
    assert (
        "! [remote rejected] feature -> feature "
        "(only main is deployed: git push deployzero feature:main)" in result.err
    )
    assert server.platform.pushes == []
    assert server.platform.apps == {}
    assert not (server.repositories.root / "hello.git").exists()
    right = await client.git("push", "deployzero", "feature:main")
    assert right.code == 0, right.err


async def test_deploy_branch_cannot_be_deleted(server, client):
    await client.repository()
    await client.ok("push", "deployzero", "main")
    result = await client.git("push", "deployzero", ":main")
    assert result.code == 1
    assert "(the deploy branch cannot be deleted)" in result.err
    assert "refs/heads/main" in await client.remote_refs()


async def test_tags_are_stored_and_not_deployed(server, client):
    await client.repository()
    await client.ok("push", "deployzero", "main")
    await client.ok("tag", "-a", "v1", "-m", "one")
    await client.ok("tag", "light")
    result = await client.git("push", "deployzero", "--tags")
    assert result.code == 0, result.err
    assert "Tag v1 stored, not deployed" in result.err
    refs = await client.remote_refs()
    assert {"refs/tags/v1", "refs/tags/v1^{}", "refs/tags/light"} <= set(refs)
    assert len(server.platform.pushes) == 1
    assert (await client.git("push", "deployzero", ":v1")).code == 0
    assert "refs/tags/v1" not in await client.remote_refs()


async def test_tags_alone_make_no_app(server, client):
    await client.repository()
    await client.ok("tag", "v1")
    result = await client.git("push", "deployzero", "v1")
    assert result.code == 1
    assert "there is no such app yet" in result.err
    assert server.platform.apps == {}


async def test_several_refs_in_one_push(server, client):
    await client.repository()
    await client.ok("tag", "v1")
    await client.ok("branch", "other")
    result = await client.git("push", "deployzero", "main", "v1", "other")
    assert result.code == 1
    assert "[new branch]      main -> main" in result.err
    assert "[new tag]         v1 -> v1" in result.err
    assert "! [remote rejected] other -> other" in result.err
    assert set(await client.remote_refs()) == {"HEAD", "refs/heads/main", "refs/tags/v1"}


async def test_atomic_push_is_all_or_nothing(server, client):
    await client.repository()
    await client.ok("tag", "v1")
    await client.ok("branch", "other")
    result = await client.git("push", "--atomic", "deployzero", "main", "v1", "other")
    assert result.code == 1
    assert server.platform.pushes == []
    server.platform.outcome = Outcome(False, "crashed at boot")
    result = await client.git("push", "--atomic", "deployzero", "main", "v1")
    assert result.code == 1
    assert "main -> main (crashed at boot)" in result.err
    assert await client.remote_refs() == {}
    server.platform.outcome = Outcome(True, "")
    assert (await client.git("push", "--atomic", "deployzero", "main", "v1")).code == 0
    assert set(await client.remote_refs()) == {"HEAD", "refs/heads/main", "refs/tags/v1"}


async def test_shallow_push_is_refused_with_the_remedy(server, client):
    await client.repository()
    await client.commit("index.html", "two")
    clone = client.home / "shallow"
    await client.ok(
        "clone", "-q", "--depth=1", f"file://{client.work}", str(clone), cwd=client.home
    )
    result = await client.git("push", client.url("hello"), "main", cwd=clone)
    assert result.code == 1
    assert "git fetch --unshallow" in result.err
    assert "main -> main (a shallow clone cannot be pushed: git fetch --unshallow)" in result.err
    await client.ok("fetch", "-q", "--unshallow", cwd=clone)
    assert (await client.git("push", client.url("hello"), "main", cwd=clone)).code == 0


async def test_submodules_are_named_and_refused(server, client):
    await client.repository()
    inner = client.home / "inner"
    await client.ok("init", "-q", "-b", "main", str(inner), cwd=client.home)
    await client.ok("commit", "-q", "--allow-empty", "-m", "inner", cwd=inner)
    await client.ok(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "vendor/lib"
    )
    await client.ok("commit", "-q", "-m", "submodule")
    result = await client.git("push", "deployzero", "main")
    assert result.code == 1
    assert "main -> main (submodules cannot be deployed: vendor/lib)" in result.err
    assert server.platform.pushes == []
    assert list(server.checkouts.iterdir()) == []


async def test_lfs_pointers_are_named_and_refused(server, client):
    await client.repository()
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 9\n"
    await client.commit("model.bin", pointer)
    result = await client.git("push", "deployzero", "main")
    assert result.code == 1
    assert "Git LFS pointers instead of files: model.bin" in result.err
    assert "git lfs migrate export" in result.err
    assert list(server.checkouts.iterdir()) == []


async def test_force_is_passed_on_and_a_rewind_is_live(server, client):
    await client.repository()
    first = await client.ok("rev-parse", "HEAD")
    await client.commit("index.html", "two")
    await client.ok("push", "deployzero", "main")
    await client.ok("reset", "-q", "--hard", first)
    await client.commit("index.html", "three")
    plain = await client.git("push", "deployzero", "main")
    assert plain.code == 1
    assert len(server.platform.pushes) == 1
    forced = await client.git("push", "--force", "deployzero", "main")
    assert forced.code == 0, forced.err
    assert [push.forced for push in server.platform.pushes] == [False, True]


async def test_stale_old_id_is_told_to_fetch_first(server, client):
    await client.repository()
    await client.ok("push", "deployzero", "main")
    await client.commit("index.html", "two")
    # The pre-push hook runs between our refs and git's commands: another push goes live there.
    other = await client.ok("commit-tree", "-m", "other", "HEAD^{tree}")
    await client.ok("push", "-q", "deployzero", f"{other}:refs/tags/other")
    marker = client.home / "ready"
    hook = client.work / ".git/hooks/pre-push"
    hook.write_text(f"#!/bin/sh\ntouch {marker}\nwhile [ -e {marker} ]; do sleep 0.01; done\n")
    hook.chmod(0o755)
    pushing = asyncio.create_task(client.git("push", "deployzero", "main"))
    await server.until(marker.exists)
    app = server.platform.apps["hello"]
    app.target = type(app.target)("hello", "main", other)
    marker.unlink()
    result = await pushing
    assert result.code == 1
    assert "! [remote rejected] main -> main (fetch first)" in result.err


async def test_two_pushes_at_once_are_told_apart_by_the_one_who_starts_them(server, client):
    await client.repository()
    server.platform.may_end.clear()
    first = asyncio.create_task(client.git("push", "deployzero", "main"))
    await asyncio.wait_for(server.platform.started.wait(), 20)
    server.platform.refuse_start = ConflictError("fetch first", "Fetch, merge, push.")
    second = await client.git("push", "deployzero", "main")
    assert second.code == 1
    assert "main -> main (fetch first)" in second.err
    server.platform.may_end.set()
    assert (await first).code == 0
    assert len(list(server.checkouts.iterdir())) == 1


async def test_name_of_somebody_else_is_taken(server, client, make_client):
    await client.repository()
    await client.ok("push", "deployzero", "main")
    other = await make_client("eve")
    await other.repository()
    result = await other.git("push", "deployzero", "main")
    assert result.code == 1
    assert "main -> main (the name hello is taken)" in result.err
    clone = await other.git("clone", other.url("hello"), "stolen", cwd=other.home)
    assert clone.code == 128
    missing = await other.git("clone", other.url("nothing"), "stolen", cwd=other.home)
    assert sorted(clone.err.replace("hello", "nothing").splitlines()) == sorted(
        missing.err.splitlines()
    )


async def test_garbage_in_a_commit_message_is_made_safe(server, client):
    await client.repository()
    await client.ok(
        "-c",
        "i18n.commitEncoding=latin1",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "a\x1b[31mb\x07c\x1b]0;title\x07d\u202e",
    )
    server.platform.lines = ["evil \x1b[2Jline\r\x07", "next"]
    result = await client.git("push", "deployzero", "main")
    assert result.code == 0
    assert server.platform.pushes[0].message == "abcd"
    assert "evil line" in result.err
    assert "\x1b[2J" not in result.err
    assert "\x07" not in result.err


async def test_waiting_holds_no_thread_and_keeps_the_connection_alive(server, client, make_client):
    """More pushes than there are threads wait at once, and one more still gets through."""
    await client.repository()
    server.platform.may_end.clear()
    waiting = [
        asyncio.create_task(client.git("push", client.url(f"app{n}"), "main")) for n in range(20)
    ]
    await server.until(lambda: len(server.platform.pushes) == 20, 50)
    last = asyncio.create_task(client.git("ls-remote", client.url("app0")))
    assert (await last).code == 0
    server.platform.may_end.set()
    assert [(await task).code for task in waiting] == [0] * 20
