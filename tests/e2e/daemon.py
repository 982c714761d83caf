"""A real deployzero: its own process, data folder, ports and keys; stopped by process id."""

import itertools
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx
from click.testing import CliRunner
from docker.errors import APIError

from deployzero.cli import main

START_LIMIT = 60.0
PUSH_LIMIT = 900.0
KEY = b"deployzero-end-to-end-tests-key!"
QUICK = (sys.executable, str(Path(__file__).with_name("quick_daemon.py")))
"""The program of a server whose watch looks more often."""


PORTS = itertools.count(10_000 + os.getpid() % 200 * 100)
"""Not those that the system gives to clients: one might have it by the time a server starts."""


def free_port() -> int:
    while True:
        port = next(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(condition: Callable[[], object], limit: float, what: str) -> None:
    """Poll until the condition holds; an AssertionError names what did not come."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit:.0f} s: {what}"
        time.sleep(0.02)


@dataclass
class Daemon:
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = (sys.executable, "-m", "deployzero", "up")
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.ssh_port, self.http_port, self.api_port = free_port(), free_port(), free_port()
        self.data = self.folder / "data"
        self.key = self.folder / "id"
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True
        )
        # Caches are scoped by this key: with one of its own each server would begin cold.
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.data / "secret.key").write_bytes(KEY)
        settings = {
            "DATA_DIR": self.data,
            "SSH_PORT": self.ssh_port,
            "HTTP_PORT": self.http_port,
            "API_PORT": self.api_port,
            "ADMIN_KEYS": f"{self.key}.pub",
            "BASE_IMAGES": "debian",
            "BOOT_TIMEOUT": 8,
            "DRAIN_SECONDS": 2,
        }
        clean = {k: v for k, v in os.environ.items() if not k.startswith("DEPLOYZERO_")}
        named = {f"DEPLOYZERO_{name}": str(value) for name, value in settings.items()}
        self.environment = {**clean, **named, **self.environment}

    @property
    def log(self) -> Path:
        return self.folder / "daemon.log"

    def start(self, limit: float = START_LIMIT) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.program, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        process = self.process

        def answers() -> bool:
            assert process.poll() is None, f"the daemon ended:\n{self.log.read_text()}"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.ssh_port)) == 0

        wait_until(answers, limit, f"SSH port open\n{self.log.read_text()}")

    def kill(self) -> None:
        """SIGKILL, as the kernel's out-of-memory killer or a power button would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        return self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        self.process = None
        return code

    def down(self) -> None:
        """Stop everything and remove every engine object of this server."""
        self.stop()
        self.remove_containers()  # it would stop them first
        # In this process, which has loaded it: a new one would cost seconds for each server.
        done = CliRunner().invoke(main, ["down", "--apps"], env=self.environment)
        self.remove_engine_objects()
        assert done.exit_code == 0, done.output

    @property
    def instance(self) -> str:
        """Labels everything that this server made."""
        with closing(sqlite3.connect(self.data / "deployzero.db")) as database:
            row = database.execute("select value from server where key = 'instance'").fetchone()
        return str(row[0])

    def containers(self, app: str | None = None) -> list[dict[str, Any]]:
        """The engine's list, stopped ones included."""
        wanted = [f"deployzero.instance={self.instance}"]
        if app is not None:
            wanted.append(f"deployzero.app={app}")
        found: list[dict[str, Any]] = docker_client().containers(
            all=True, filters={"label": wanted}
        )
        return found

    def remove_containers(self) -> None:
        client = docker_client()

        def remove(container: dict[str, Any]) -> None:
            with suppress(APIError):  # the server may have begun to
                client.remove_container(container["Id"], force=True)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(remove, self.containers()))

    def remove_engine_objects(self) -> None:
        self.remove_containers()
        client = docker_client()
        label = f"deployzero.instance={self.instance}"
        for network in client.networks(filters={"label": label}):
            client.remove_network(network["Id"])
        for image in client.images(filters={"label": label}):
            for tag in image["RepoTags"] or []:
                client.remove_image(tag, force=True)

    # What a user does ---------------------------------------------------------------

    @property
    def git_environment(self) -> dict[str, str]:
        ssh = (
            f"ssh -F none -i {self.key} -o IdentitiesOnly=yes -o BatchMode=yes"
            f" -o UserKnownHostsFile={self.folder / 'known_hosts'}"
            " -o StrictHostKeyChecking=accept-new"
        )
        return {**os.environ, "GIT_SSH_COMMAND": ssh}

    def remote(self, app: str) -> str:
        return f"ssh://deployzero@127.0.0.1:{self.ssh_port}/{app}"

    def git(self, repo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], cwd=repo, env=self.git_environment,
            capture_output=True, text=True, timeout=PUSH_LIMIT, check=False,
        )  # fmt: skip

    def push(
        self, repo: Path, app: str, *refspecs: str, flags: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        return self.git(repo, "push", *flags, self.remote(app), *(refspecs or ("main",)))

    def ls_remote(self, app: str) -> dict[str, str]:
        """Ref name to commit, as `git ls-remote` answers."""
        done = self.git(self.folder, "ls-remote", self.remote(app))
        lines = (line.split("\t") for line in done.stdout.splitlines())
        return {ref: commit for commit, ref in lines}

    def ssh(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = self.git_environment["GIT_SSH_COMMAND"].split()
        target = ["-p", str(self.ssh_port), "deployzero@127.0.0.1"]
        return subprocess.run(
            [*command, *target, *arguments],
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def get(self, app: str, path: str = "/") -> httpx.Response:
        return httpx.get(
            f"http://127.0.0.1:{self.http_port}{path}",
            headers={"Host": f"{app}.localhost"},
            timeout=10,
            trust_env=False,
        )

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ssh(*arguments, "--json").stdout)


def docker_client() -> docker.APIClient:
    return docker.APIClient(timeout=60)


def printed(container: str, command: str) -> str:
    """What a shell command prints in a container that runs."""
    client = docker_client()
    started = client.exec_create(container, ["/bin/sh", "-c", command])
    return bytes(client.exec_start(started["Id"])).decode()


def repository(folder: Path, files: Mapping[str, str]) -> Path:
    """A plain repository with one commit on main."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    return commit(folder, files)


def commit(repo: Path, files: Mapping[str, str], message: str = "change") -> Path:
    for name, text in files.items():
        path = repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _git(repo, "add", "--all")
    _git(
        repo, "-c", "user.name=t", "-c", "user.email=t@example.org",
        "commit", "--quiet", "--allow-empty", "-m", message,
    )  # fmt: skip
    return repo


def head(repo: Path) -> str:
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repo, check=True, capture_output=True, text=True
    ).stdout.strip()


def _git(repo: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=repo, check=True, capture_output=True)
