"""The daemon is killed at each stage of a push; nothing that was live may suffer."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apps
import pytest
from daemon import Daemon, commit, docker_client, head, repository, wait_until

BEFORE_COMMIT = ("queue", "detect", "build", "boot", "switch", "commit")
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


def kill_at(server: Daemon, point: str, folder: Path, app: str) -> None:
    """Push with a daemon that stands still at the point, and kill it there."""
    reached = server.folder / f"reached-{point}"
    plain, environment = server.program, server.environment
    server.stop()
    server.program = PAUSED
    server.environment = {**environment, "PAUSE_AT": point, "PAUSE_FILE": str(reached)}
    try:
        server.start()
        client = subprocess.Popen(
            ["git", "push", server.remote(app), "main"],
            cwd=folder, env=server.git_environment, stderr=subprocess.PIPE,
        )  # fmt: skip
        wait_until(reached.exists, 120, f"the push reaches {point}")
        server.kill()
        client.communicate(timeout=30)
        if point in BEFORE_COMMIT:
            assert client.returncode != 0
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

    kill_at(server, point, folder, app)

    serving = "new" if point in ("switch", "commit", *AFTER_COMMIT) else "old"
    assert server.get(app).text in {serving, "old" if point == "switch" else serving}
    server.start()
    live = "new" if point in AFTER_COMMIT else "old"
    assert server.get(app).text == live
    wait_until(lambda: len(server.containers(app)) == 1, 30, "one container is left")
    assert server.containers(app)[0]["State"] == "running"
    assert server.ls_remote(app)["refs/heads/main"] == (head(folder) if live == "new" else old)
    assert list((server.data / "checkouts").iterdir()) == []
    if point in AFTER_COMMIT:
        assert [state for state, _ in deployments(server, app)] == ["retired", "live"]
    else:
        state, reason = deployments(server, app)[-1]
        if point != "queue":
            assert state == "error"
            assert "stopped" in reason
        assert len(images(server, app)) == 1

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
    slow = {"Dockerfile": "FROM busybox-missing\nRUN sleep 600\n"}
    base = docker_client().inspect_container(server.containers("midbuild")[0]["Id"])["Config"][
        "Image"
    ]
    slow["Dockerfile"] = f"FROM {base}\nRUN echo step-begins && sleep 600\n"
    commit(folder, slow)
    client = subprocess.Popen(
        ["git", "push", server.remote("midbuild"), "main"],
        cwd=folder, env=server.git_environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert client.stderr is not None
    for line in client.stderr:
        if "step-begins" in line and "RUN" not in line:
            break
    server.kill()
    client.communicate(timeout=30)
    assert server.get("midbuild").text == "old"
    server.start()
    assert deployments(server, "midbuild")[-1][0] == "error"
    assert len(server.containers("midbuild")) == 1
    wait_until(lambda: not _sleeping(), 30, "the build step is stopped")


def _sleeping() -> bool:
    """Does a `sleep 600` of the build still run?"""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if process.read_bytes() == b"sleep\0" + b"600\0":
                return True
        except OSError:
            continue
    return False
