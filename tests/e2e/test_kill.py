"""The daemon is killed at each stage of a push; nothing that was live may suffer."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apps
import httpx
import pytest
from daemon import Daemon, commit, docker_client, head, repository, wait_until

BEFORE_ROW = ("receive", "checkout", "queue")
BEFORE_COMMIT = (*BEFORE_ROW, "detect", "build", "boot", "switch", "commit")
AFTER_COMMIT = ("ref", "retire")
PAUSED = (sys.executable, str(Path(__file__).with_name("paused_daemon.py")))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    server = Daemon(tmp_path_factory.mktemp("killed"))
    server.start()
    yield server
    server.down()


def deployments(server: Daemon, app: str) -> list[tuple[str, str]]:
    """(state, reason) of the app's deployments, oldest first, as the database has them."""
    with closing(sqlite3.connect(server.data / "deployzero.db")) as database:
        return database.execute(
            "select state, reason from deployments d join projects p on p.id = d.project_id"
            " where p.name = ? order by d.id",
            (app,),
        ).fetchall()


def images(server: Daemon, app: str) -> list[str]:
    tags = [tag for image in docker_client().images() for tag in image["RepoTags"] or []]
    return [tag for tag in tags if tag.startswith(f"deployzero-{server.instance}/{app}:")]


def kill_at(server: Daemon, point: str, client: Callable[[], "subprocess.Popen[str]"]) -> None:
    """Start the client of a daemon that stands still at the point, and kill it there."""
    reached = server.folder / f"reached-{point}"
    reached.unlink(missing_ok=True)
    plain, environment = server.program, server.environment
    server.stop()
    server.program = PAUSED
    server.environment = {**environment, "PAUSE_AT": point, "PAUSE_FILE": str(reached)}
    try:
        server.start()
        running = client()
        wait_until(reached.exists, 120, f"the deployment reaches {point}")
        server.kill()
        running.communicate(timeout=30)
        if point in BEFORE_COMMIT:
            assert running.returncode != 0
    finally:
        server.kill()
        server.program, server.environment = plain, environment


@pytest.mark.parametrize("point", [*BEFORE_COMMIT, *AFTER_COMMIT])
def test_a_kill_leaves_the_old_release_or_the_new_one_whole(
    server: Daemon, tmp_path: Path, point: str
) -> None:
    app = f"kill-{point}"
    if server.process is None:
        server.start()
    folder = repository(tmp_path / "repo", apps.script("old"))
    assert server.push(folder, app).returncode == 0
    old = head(folder)
    commit(folder, apps.script("new"))

    kill_at(server, point, lambda: push(server, folder, app))

    # The route is written, and proven, between the points `switch` and `commit`.
    assert server.get(app).text == ("new" if point in ("commit", *AFTER_COMMIT) else "old")
    server.start()
    live = "new" if point in AFTER_COMMIT else "old"
    assert server.get(app).text == live
    wait_until(lambda: len(server.containers(app)) == 1, 30, "one container is left")
    assert server.containers(app)[0]["State"] == "running"
    assert server.ls_remote(app)["refs/heads/main"] == (head(folder) if live == "new" else old)
    assert leftovers(server) == []
    ended = deployments(server, app)
    if point in AFTER_COMMIT:
        assert [state for state, _ in ended] == ["retired", "live"]
    elif point in BEFORE_ROW:
        assert [state for state, _ in ended] == ["live"]
    else:
        assert [state for state, _ in ended] == ["live", "error"]
        assert "stopped" in ended[-1][1]
    kept = 2 if point in AFTER_COMMIT else 1
    wait_until(lambda: len(images(server, app)) == kept, 20, f"{kept} images are left")

    again = server.push(folder, app)
    assert again.returncode == 0, again.stderr
    assert server.get(app).text == "new"


def test_a_kill_in_the_middle_of_a_build_step_leaves_nothing_of_it(
    server: Daemon, tmp_path: Path
) -> None:
    if server.process is None:
        server.start()
    folder = repository(tmp_path / "repo", apps.script("old"))
    assert server.push(folder, "midbuild").returncode == 0
    base = docker_client().inspect_container(server.containers("midbuild")[0]["Id"])["Config"][
        "Image"
    ]
    commit(folder, {"Dockerfile": f"FROM {base}\nRUN echo step-begins && sleep 600\n"})
    client = push(server, folder, "midbuild")
    assert client.stderr is not None
    for line in client.stderr:
        if "step-begins" in line and "RUN" not in line:
            break
    commit(folder, apps.script("queued"))
    second = push(server, folder, "midbuild")
    wait_until(lambda: len(deployments(server, "midbuild")) == 3, 30, "the second push waits")
    assert deployments(server, "midbuild")[-1][0] == "created"
    server.kill()
    client.communicate(timeout=30)
    second.communicate(timeout=30)
    assert second.returncode != 0
    assert server.get("midbuild").text == "old"
    server.start()
    states = [state for state, _ in deployments(server, "midbuild")]
    assert states == ["live", "error", "error"]
    assert len(server.containers("midbuild")) == 1
    assert len(images(server, "midbuild")) == 1
    assert leftovers(server) == []
    wait_until(lambda: not _sleeping(), 30, "the build step is stopped")


def test_a_kill_in_the_release_command_leaves_nothing_of_it(server: Daemon, tmp_path: Path) -> None:
    if server.process is None:
        server.start()
    folder = repository(tmp_path / "repo", apps.script("old"))
    assert server.push(folder, "releasing").returncode == 0
    procfile = "web: python main.py\nrelease: sleep 6000\n"
    commit(folder, {**apps.script("new"), "Procfile": procfile})
    client = push(server, folder, "releasing")
    wait_until(lambda: len(server.containers("releasing")) == 2, 120, "the release command runs")
    server.kill()
    client.communicate(timeout=30)
    assert client.returncode != 0
    assert server.get("releasing").text == "old"
    server.start()
    assert [state for state, _ in deployments(server, "releasing")] == ["live", "error"]
    assert len(server.containers("releasing")) == 1
    assert len(images(server, "releasing")) == 1
    assert leftovers(server) == []
    commit(folder, {"Procfile": "web: python main.py\nrelease: true\n"})
    again = server.push(folder, "releasing")
    assert again.returncode == 0, again.stderr
    assert server.get("releasing").text == "new"


@pytest.mark.parametrize("point", ["commit", "retire"])
def test_a_kill_while_scaling_leaves_the_old_formation_or_the_new_one(
    server: Daemon, tmp_path: Path, point: str
) -> None:
    app = f"scaling-{point}"
    if server.process is None:
        server.start()
    folder = repository(tmp_path / "repo", apps.script("scaled"))
    assert server.push(folder, app).returncode == 0
    assert server.ssh("ps:scale", app, "web=2").returncode == 0
    (kept,) = [c["Id"] for c in server.containers(app) if c["Labels"]["deployzero.index"] == "1"]
    kill_at(server, point, lambda: command(server, "ps:scale", app, "web=1"))
    assert server.get(app).text == "scaled"
    server.start()
    left = 1 if point == "retire" else 2
    wait_until(lambda: len(server.containers(app)) == left, 30, f"{left} containers are left")
    running = {c["Id"]: c["State"] for c in server.containers(app)}
    assert running[kept] == "running"
    assert set(running.values()) == {"running"}
    for _ in range(4):
        assert server.get(app).text == "scaled"
    (state,) = [s for s, _ in deployments(server, app)[-1:]]
    assert state == ("live" if point == "retire" else "error")
    again = server.ssh("ps:scale", app, "web=3")
    assert again.returncode == 0, again.stdout
    wait_until(lambda: len(server.containers(app)) == 3, 30, "three containers run")


def test_a_killed_proxy_is_back_within_seconds(server: Daemon, tmp_path: Path) -> None:
    if server.process is None:
        server.start()
    folder = repository(tmp_path / "repo", apps.script("routed"))
    assert server.push(folder, "routed").returncode == 0
    pid_file = server.data / "proxy" / "traefik.pid"
    killed = json.loads(pid_file.read_text())["pid"]
    os.kill(killed, signal.SIGKILL)

    def back() -> bool:
        try:
            return server.get("routed").text == "routed"
        except httpx.HTTPError:
            return False

    wait_until(lambda: json.loads(pid_file.read_text())["pid"] != killed, 30, "another proxy")
    wait_until(back, 30, "the proxy is back, with its routes")
    commit(folder, apps.script("again"))
    assert server.push(folder, "routed").returncode == 0
    assert server.get("routed").text == "again"


def push(server: Daemon, folder: Path, app: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["git", "push", server.remote(app), "main"],
        cwd=folder, env=server.git_environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def command(server: Daemon, *words: str) -> subprocess.Popen[str]:
    ssh = server.git_environment["GIT_SSH_COMMAND"].split()
    return subprocess.Popen(
        [*ssh, "-p", str(server.ssh_port), "deployzero@127.0.0.1", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def leftovers(server: Daemon) -> list[Path]:
    """Checkouts, half received packs and locks: nothing of a killed push may stay."""
    repositories = server.data / "repositories"
    return [
        *(server.data / "checkouts").iterdir(),
        *repositories.rglob("tmp_objdir-*"),
        *repositories.rglob("*.lock"),
    ]


def _sleeping() -> bool:
    """Does a `sleep 600` of the build still run?"""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if process.read_bytes() == b"sleep\0" + b"600\0":
                return True
        except OSError:
            continue
    return False
