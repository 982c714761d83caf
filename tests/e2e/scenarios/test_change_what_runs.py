"""Config, scale, restart, rollback, stop and cancel: what is live changes, nobody notices."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from daemon import Daemon, commit, docker_client, head, wait_until

PROCFILE = "web: python app.py\nworker: sleep 1000\n"


@contextmanager
def steady_requests(server: Daemon, app: str, threads: int = 3) -> Iterator[list[str]]:
    """Ask all the time; yields a list of what failed, whose end says how many were asked."""
    failed: list[str] = []
    asked = [0] * threads
    end = threading.Event()

    def ask(number: int) -> None:
        url = f"http://127.0.0.1:{server.http_port}/"
        with httpx.Client(headers={"Host": f"{app}.localhost"}, trust_env=False) as client:
            while not end.is_set():
                asked[number] += 1
                try:
                    answer = client.get(url, timeout=10)
                    if answer.status_code != 200:
                        failed.append(f"{answer.status_code} {answer.text[:60]}")
                except httpx.HTTPError as error:
                    failed.append(repr(error))
                time.sleep(0.005)

    running = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield failed
    finally:
        end.set()
        for thread in running:
            thread.join()
    assert sum(asked) > 100


def processes(server: Daemon, app: str) -> dict[str, str]:
    """`web.1` to the id of the container that runs it."""
    found = {}
    for each in server.containers(app):
        labels = each["Labels"]
        if each["State"] == "running":
            found[f"{labels['deployzero.process']}.{labels['deployzero.index']}"] = each["Id"]
    return found


def only(server: Daemon, app: str, *names: str) -> None:
    def there() -> bool:
        running = processes(server, app)
        return set(running) == set(names) and len(server.containers(app)) == len(names)

    wait_until(there, 20, f"only {names} are left, not {list(processes(server, app))}")


def ps(admin: Any, app: str) -> dict[str, Any]:
    return dict(json.loads(admin.ssh("ps", app, "--json").out))


def test_no_request_is_lost_whatever_changes(server: Daemon, admin: Any, repo: Path) -> None:
    commit(repo, {"Procfile": PROCFILE})
    pushed = admin.push(repo, "changing")
    assert pushed.code == 0, pushed.err
    (first,) = processes(server, "changing").values()
    with steady_requests(server, "changing") as failed:
        up = admin.ssh("ps:scale", "changing", "web=2", "worker=1")
        assert up.code == 0, up.err + up.out
        assert "-----> Scaling web to 2, worker to 1" in up.out
        assert "   v1   " in up.out
        scaled = processes(server, "changing")
        assert set(scaled) == {"web.1", "web.2", "worker.1"}
        assert scaled["web.1"] == first, "what stays goes on as it runs"

        done = admin.ssh("config:set", "changing", "A=1")
        assert done.code == 0, done.err
        assert server.get("changing", "/env/A").text == "1"
        only(server, "changing", "web.1", "web.2", "worker.1")

        down = admin.ssh("ps:scale", "changing", "web=1", "worker=0")
        assert down.code == 0, down.err + down.out
        again = admin.ssh("ps:restart", "changing")
        assert again.code == 0, again.err + again.out
        assert "   v2   " in again.out
        back = admin.ssh("rollback", "changing", "v1")
        assert back.code == 0, back.err + back.out
        assert "-----> Rolling back to v1" in back.out
        assert "   v3   " in back.out
        assert server.get("changing", "/env/A").text == ""
        only(server, "changing", "web.1")
    assert failed == []
    assert server.ls_remote("changing")["refs/heads/main"] == head(repo)


def test_an_app_without_a_web_process_answers_503_until_it_is_scaled_up(
    server: Daemon, admin: Any, repo: Path
) -> None:
    assert admin.push(repo, "none").code == 0
    down = admin.ssh("ps:scale", "none", "web=0")
    assert down.code == 0, down.err + down.out
    assert "=====> Live: no web process runs" in down.out
    assert server.get("none").status_code == 503
    only(server, "none")
    up = admin.ssh("ps:scale", "none", "web=1")
    assert up.code == 0, up.err + up.out
    assert server.get("none").text == "hello"


def test_a_stopped_app_serves_nothing_until_it_is_started_or_pushed_to(
    server: Daemon, admin: Any, repo: Path
) -> None:
    assert admin.push(repo, "stopped").code == 0
    done = admin.ssh("ps:stop", "stopped")
    assert done.code == 0, done.err
    assert server.get("stopped").status_code == 503
    assert server.containers("stopped") == []
    assert "refs/heads/main" not in server.ls_remote("stopped")
    started = admin.ssh("ps:start", "stopped")
    assert started.code == 0, started.err + started.out
    assert server.get("stopped").text == "hello"
    assert ps(admin, "stopped")["release"] == 1
    assert admin.ssh("ps:stop", "stopped").code == 0
    pushed = admin.push(repo, "stopped")
    assert pushed.code == 0, pushed.err
    assert server.get("stopped").text == "hello"


def test_cancel_ends_a_build_within_two_seconds_and_what_waits_at_once(
    server: Daemon, admin: Any, repo: Path
) -> None:
    assert admin.push(repo, "cancelled").code == 0
    image = docker_client().inspect_container(processes(server, "cancelled")["web.1"])
    slow = f"FROM {image['Config']['Image']}\nRUN echo step-begins; sleep 300\n"
    commit(repo, {"Dockerfile": slow})
    live = server.ls_remote("cancelled")["refs/heads/main"]
    before = images(server, "cancelled")

    answers: list[Any] = []
    pushing = threading.Thread(target=lambda: answers.append(admin.push(repo, "cancelled")))
    pushing.start()
    builds = lambda: json.loads(admin.ssh("builds:list", "cancelled", "--json").out)  # noqa: E731
    output = ("builds:output", "cancelled")
    wait_until(lambda: "step-begins" in admin.ssh(*output).out, 60, "the build is under way")
    restart = threading.Thread(target=lambda: answers.append(admin.ssh("ps:restart", "cancelled")))
    restart.start()
    wait_until(lambda: len(builds()) == 3, 10, "the restart waits")

    begun = time.monotonic()
    waiting = admin.ssh("builds:cancel", "cancelled", str(builds()[0]["id"]))
    assert waiting.code == 0, waiting.err
    restart.join(10)
    assert (answers[0].code, "cancelled by admin" in answers[0].out) == (1, True), answers[0]
    begun = time.monotonic()
    done = admin.ssh("builds:cancel", "cancelled")
    took = time.monotonic() - begun
    assert done.code == 0, done.err
    pushing.join(10)
    assert answers[1].code != 0
    assert "cancelled by" in answers[1].err
    assert took < 3, "two seconds, and a session"
    assert [each["state"] for each in builds()] == ["cancelled", "cancelled", "live"]
    assert server.get("cancelled").text == "hello"
    assert server.ls_remote("cancelled")["refs/heads/main"] == live
    assert images(server, "cancelled") == before
    assert list((server.data / "checkouts").iterdir()) == []
    wait_until(lambda: not _sleeping("300"), 5, "the build step has ended")


def test_cancel_ends_a_boot_and_a_second_one_is_too_late(
    server: Daemon, admin: Any, repo: Path
) -> None:
    assert admin.push(repo, "booting").code == 0
    commit(repo, {"app.py": "import time; time.sleep(1000)\n"})
    answers: list[Any] = []
    pushing = threading.Thread(target=lambda: answers.append(admin.push(repo, "booting")))
    pushing.start()
    wait_until(lambda: len(server.containers("booting")) == 2, 60, "the new release boots")
    begun = time.monotonic()
    done = admin.ssh("builds:cancel", "booting")
    took = time.monotonic() - begun
    assert done.code == 0, done.err
    assert took < 3, "two seconds, and a session"
    pushing.join(10)
    assert answers[0].code != 0
    only(server, "booting", "web.1")
    assert server.get("booting").text == "hello"
    assert admin.ssh("builds:cancel", "booting").code == 1


def test_a_rebuild_checks_the_live_commit_out_by_itself(
    server: Daemon, admin: Any, repo: Path
) -> None:
    assert admin.push(repo, "rebuilt").code == 0
    done = admin.ssh("ps:rebuild", "rebuilt")
    assert done.code == 0, done.err + done.out
    assert f"-----> Building {head(repo)[:9]} again" in done.out
    assert "   v2   " in done.out
    assert server.get("rebuilt").text == "hello"
    assert list((server.data / "checkouts").iterdir()) == []


def images(server: Daemon, app: str) -> list[str]:
    tags = [tag for image in docker_client().images() for tag in image["RepoTags"] or []]
    ours = f"deployzero-{server.instance}/{app}:", f"material:{server.instance}-"
    return sorted(tag for tag in tags if any(each in tag for each in ours))


def _sleeping(seconds: str) -> bool:
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if process.read_bytes() == f"sleep\0{seconds}\0".encode():
                return True
        except OSError:
            continue
    return False
