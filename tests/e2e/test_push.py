"""A push as its user sees it: what goes live, what is refused, what is printed."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import apps
import pytest
from daemon import Daemon, commit, head, printed, wait_until

MakeRepo = Callable[[dict[str, str]], Path]


@pytest.mark.parametrize(
    ("name", "files", "answer"),
    [
        ("flask", apps.FLASK, "flask says hello"),
        ("node", apps.NODE, "node says 1000"),
        ("static", apps.STATIC, "<h1>static says hello</h1>"),
        ("golang", apps.GO, "go says hello"),
        ("script", apps.script("a plain script"), "a plain script"),
    ],
)
def test_a_plain_repository_goes_live(
    daemon: Daemon, repo: MakeRepo, name: str, files: apps.Files, answer: str
) -> None:
    folder = repo(files)
    pushed = daemon.push(folder, name)
    assert pushed.returncode == 0, pushed.stderr
    assert f"=====> Live: http://{name}.localhost:{daemon.http_port}   v1" in pushed.stderr
    served = daemon.get(name)
    assert (served.status_code, served.text) == (200, answer)
    assert daemon.ls_remote(name)["refs/heads/main"] == head(folder)


def test_the_next_push_replaces_the_release(daemon: Daemon, repo: MakeRepo) -> None:
    folder = repo(apps.script("one"))
    assert daemon.push(folder, "next").returncode == 0
    commit(folder, apps.script("two"))
    pushed = daemon.push(folder, "next")
    assert pushed.returncode == 0, pushed.stderr
    assert "v2" in pushed.stderr
    assert daemon.get("next").text == "two"
    for stage in ("receive", "checkout", "detect", "build", "boot", "switch"):
        assert stage in pushed.stderr


def replace(folder: Path, files: apps.Files) -> None:
    """A commit with these files and no others."""
    for file in folder.iterdir():
        if file.is_file():
            file.unlink()
    commit(folder, files)


FAILURES = {
    "crash": (
        apps.script(before="print('no such table: users', flush=True); sys.exit(3)"),
        "exited with code 3",
        "no such table: users",
    ),
    "wrong-address": (apps.script(address="127.0.0.1"), "listens on 127.0.0.1:8000", "0.0.0.0"),
    "memory": (
        apps.script(before="x = [bytearray(1 << 20) for _ in range(4096)]"),
        "out of memory",
        "512 MB",
    ),
    "worker-memory": (
        {
            **apps.FLASK,
            "app.py": "x = [bytearray(1 << 20) for _ in range(4096)]\n" + apps.FLASK["app.py"],
        },
        "out of memory",
        "512 MB",
    ),
    "build": (
        {**apps.script(), "requirements.txt": "no-such-package-for-deployzero==1\n"},
        "pip install",
        "no-such-package-for-deployzero",
    ),
    "release": (
        {**apps.script(), "Procfile": "web: python main.py\nrelease: echo migrating; exit 4\n"},
        "exited with 4",
        "migrating",
    ),
    "detect": ({"notes.txt": "nothing to run"}, "no app was recognised", "notes.txt"),
    "health": (
        {
            **apps.script(),
            "app.json": '{"healthchecks": {"web": [{"type": "startup", "path": "/broken",'
            ' "attempts": 3, "wait": 0.1}]}}',
        },
        "GET /broken answered 500",
        "/broken",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_says_why_and_the_old_release_serves_on(
    daemon: Daemon, repo: MakeRepo, case: str
) -> None:
    files, reason, said = FAILURES[case]
    app = f"fails-{case}"
    folder = repo(apps.script("old"))
    assert daemon.push(folder, app).returncode == 0
    old = head(folder)
    replace(folder, files)

    pushed = daemon.push(folder, app)

    assert pushed.returncode == 1
    assert "! [remote rejected] main -> main (" in pushed.stderr
    rejection = pushed.stderr.split("[remote rejected] main -> main (")[1].splitlines()[0]
    assert reason in rejection, pushed.stderr
    assert said in pushed.stderr
    assert daemon.get(app).text == "old"
    assert daemon.ls_remote(app)["refs/heads/main"] == old
    assert len(daemon.containers(app)) == 1

    replace(folder, apps.script("mended"))
    mended = daemon.push(folder, app)
    assert mended.returncode == 0, mended.stderr
    assert daemon.get(app).text == "mended"


def test_a_first_push_that_fails_leaves_no_ref_and_can_be_repeated(
    daemon: Daemon, repo: MakeRepo
) -> None:
    folder = repo(apps.script(before="sys.exit(1)"))
    for _ in range(2):
        pushed = daemon.push(folder, "never")
        assert pushed.returncode == 1
        assert "exited with code 1" in pushed.stderr
    assert daemon.ls_remote("never") == {}
    assert daemon.containers("never") == []


def test_two_pushes_to_one_app_queue_and_the_stale_one_must_fetch_first(
    daemon: Daemon, repo: MakeRepo, tmp_path: Path
) -> None:
    folder = repo(apps.script("base"))
    assert daemon.push(folder, "twice").returncode == 0
    other = tmp_path / "other"
    assert (
        daemon.git(tmp_path, "clone", "--quiet", daemon.remote("twice"), str(other)).returncode == 0
    )
    waits = "while not os.path.exists('/tmp/go'): time.sleep(0.05)"
    commit(folder, apps.script("first", before=waits))
    commit(other, apps.script("second"))

    results = {}

    def push(name: str, where: Path) -> None:
        results[name] = daemon.push(where, "twice")

    first = threading.Thread(target=push, args=("first", folder))
    second = threading.Thread(target=push, args=("second", other))
    first.start()
    wait_until(lambda: states(daemon, "twice") == ["running"] * 2, 60, "the first push boots")
    second.start()
    wait_until(lambda: len(daemon.json("builds:list", "twice")) == 3, 30, "the second waits")
    booting, _ = daemon.containers("twice")  # the newest first
    printed(booting["Id"], "touch /tmp/go")
    for each in (first, second):
        each.join(120)

    assert results["first"].returncode == 0, results["first"].stderr
    assert results["second"].returncode == 1
    assert "Waiting for admin's push" in results["second"].stderr
    assert "fetch first" in results["second"].stderr
    assert daemon.get("twice").text == "first"
    forced = daemon.push(other, "twice", flags=("--force",))
    assert forced.returncode == 0, forced.stderr
    assert daemon.get("twice").text == "second"


def states(daemon: Daemon, app: str) -> list[str]:
    return [container["State"] for container in daemon.containers(app)]


def test_a_deployment_goes_on_when_its_client_goes_away(daemon: Daemon, repo: MakeRepo) -> None:
    folder = repo(apps.script("alone", before="time.sleep(2)"))
    client = subprocess.Popen(
        ["git", "push", daemon.remote("orphan"), "main"],
        cwd=folder, env=daemon.git_environment, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    wait_until(lambda: daemon.containers("orphan"), 120, "the app boots")
    os.killpg(client.pid, signal.SIGKILL)
    client.wait(10)
    assert client.stderr is not None
    client.stderr.close()
    wait_until(lambda: daemon.get("orphan").text == "alone", 60, "the app is live")
    # It answers from the switch on; the branch follows at the commit point.
    wait_until(
        lambda: daemon.ls_remote("orphan").get("refs/heads/main") == head(folder),
        10,
        "the branch names it",
    )
