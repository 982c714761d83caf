"""Scenarios in the user's own words: real ssh, real git, one server for all of them."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon import Daemon, repository

APP = """\
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.removeprefix("/env/")
        text = os.environ.get(name, "") if self.path.startswith("/env/") else "hello"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments):
        print("request", self.path, flush=True)

ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
FILES = {"app.py": APP, "requirements.txt": "", "Procfile": "web: python app.py\n"}
"""Builds from the cache, boots in 0.2 s, answers `/env/NAME` with a variable's value."""


@dataclass(frozen=True)
class Person:
    """Somebody with a key of their own."""

    name: str
    key: Path
    server: Daemon

    def ssh(self, *words: str, stdin: bytes | None = b"", limit: float = 60) -> "Answer":
        """What `ssh deployzero@host words…` gives."""
        done = subprocess.run(
            [*self.ssh_command(), *words],
            input=stdin, capture_output=True, timeout=limit, check=False,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ssh_command(self, *flags: str) -> list[str]:
        return [
            "ssh", "-F", "none", "-i", str(self.key), "-o", "IdentitiesOnly=yes",
            "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=accept-new",
            "-o", f"UserKnownHostsFile={self.server.folder / 'known_hosts'}", *flags,
            "-p", str(self.server.ssh_port), "deployzero@127.0.0.1",
        ]  # fmt: skip

    def push(self, repo: Path, app: str, *flags: str) -> "Answer":
        """What `git push <remote> main` gives."""
        environment = self.server.git_environment
        environment["GIT_SSH_COMMAND"] = " ".join(self.ssh_command()[:-3])
        done = subprocess.run(
            ["git", "push", *flags, self.server.remote(app), "main"],
            cwd=repo, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path_factory.mktemp("scenarios"))
    daemon.start()
    yield daemon
    daemon.down()


@pytest.fixture(scope="session")
def admin(server: Daemon) -> Person:
    return Person("admin", server.key, server)


@pytest.fixture
def new_person(server: Daemon, admin: Person, tmp_path: Path) -> Callable[[str], Person]:
    """Add a member with a key of their own."""

    def add(name: str) -> Person:
        key = tmp_path / name
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
        subprocess.run(command, check=True)
        assert admin.ssh("users:add", name).code == 0
        done = admin.ssh("keys:add", name, stdin=key.with_suffix(".pub").read_bytes())
        assert done.code == 0, done.err
        return Person(name, key, server)

    return add


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository of the small app above, committed on main."""
    return repository(tmp_path / "repo", FILES)
