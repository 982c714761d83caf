"""A small team: one shares an app, another deploys it, a third looks on; and people leave."""

import subprocess
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from daemon import commit, head, repository, wait_until

APP = "shared"
WITHIN = 2.0
"""Seconds that sessions of a removed key may go on."""
Person = Any
NewPerson = Callable[[str], Person]
FILES = {
    "app.py": "import os, time\nfrom http.server import HTTPServer, SimpleHTTPRequestHandler\n"
    "print('started', flush=True)\n"
    "HTTPServer(('0.0.0.0', int(os.environ['PORT'])), SimpleHTTPRequestHandler).serve_forever()\n",
    "requirements.txt": "",
    "Procfile": "web: python app.py\n",
}


@pytest.fixture(scope="module")
def app(admin: Person, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The administrator's app, live; returns its repository."""
    repo = repository(tmp_path_factory.mktemp("people") / "repo", FILES)
    answer = admin.push(repo, APP)
    assert answer.code == 0, answer.err
    return repo


@contextmanager
def session(person: Person, *words: str) -> Any:
    """A command that goes on."""
    process = subprocess.Popen(
        [*person.ssh_command(), *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def seconds_to_end(process: Any) -> float:
    begin = time.monotonic()
    process.wait(20)
    return time.monotonic() - begin


def clone(person: Person, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = person.server.git_environment
    environment["GIT_SSH_COMMAND"] = " ".join(person.ssh_command()[:-3])
    return subprocess.run(
        ["git", "clone", "-q", person.server.remote(APP), str(folder)],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_deployer_clones_and_deploys_what_is_not_theirs_and_a_viewer_looks_on(
    app: Path, admin: Person, new_person: NewPerson, tmp_path: Path
) -> None:
    dan, vera, sam = (new_person(f"{name}-{APP}") for name in ("dan", "vera", "sam"))
    assert admin.ssh("access:add", APP, dan.name).code == 0
    assert admin.ssh("access:add", APP, vera.name, "--role", "viewer").code == 0

    assert clone(dan, tmp_path / "copy").returncode == 0
    assert head(tmp_path / "copy") == head(app)
    commit(tmp_path / "copy", {"note.txt": "dan was here"})
    pushed = dan.push(tmp_path / "copy", APP)
    assert pushed.code == 0, pushed.err
    assert admin.server.get(APP, "/note.txt").text == "dan was here"

    for refused in (vera.push(app, APP), clone(vera, tmp_path / "vera")):
        assert f"you are a viewer of {APP}: this needs a deployer" in str(refused)
    assert vera.ssh("ps", APP).code == 0
    assert "started" in vera.ssh("logs", APP).out
    assert f"there is no app {APP}" in sam.ssh("logs", APP).err
    assert f"there is no app {APP}" in clone(sam, tmp_path / "sam").stderr
    assert admin.server.get(APP, "/note.txt").text == "dan was here"

    log = admin.ssh("events", APP).out
    assert any(dan.name in line and "push" in line and "ok" in line for line in log.splitlines())
    assert "this needs a deployer" in log


def test_what_runs_ends_with_the_key_the_user_or_the_access(
    app: Path, admin: Person, new_person: NewPerson
) -> None:
    dan, vera, eve = (new_person(f"{name}-leaves") for name in ("dan", "vera", "eve"))
    for person, role in ((dan, "deployer"), (vera, "viewer"), (eve, "deployer")):
        assert admin.ssh("access:add", APP, person.name, "--role", role).code == 0
    before = len(admin.server.containers(APP))
    with (
        session(vera, "logs", APP, "-t") as logs,
        session(dan, "run", APP, "sh -c 'echo up; sleep 60'") as one,
        session(eve, "run", APP, "sh -c 'echo up; sleep 60'") as other,
    ):
        for process in (logs, one, other):
            assert process.stdout.readline()
        (fingerprint,) = [
            line.split()[2]
            for line in admin.ssh("keys:list", vera.name).out.splitlines()
            if "SHA256:" in line
        ]
        assert admin.ssh("keys:remove", fingerprint).code == 0
        assert seconds_to_end(logs) < WITHIN
        assert admin.ssh("users:remove", dan.name).code == 0
        assert seconds_to_end(one) < WITHIN
        assert admin.ssh("access:remove", APP, eve.name).code == 0
        assert seconds_to_end(other) < WITHIN
    wait_until(
        lambda: len(admin.server.containers(APP)) == before, 20, "the runs' containers are gone"
    )
    assert "Permission denied" in vera.ssh("whoami").err
