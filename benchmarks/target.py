"""The deployzero that is measured: one of our own, on free ports, or one that is running."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.e2e.daemon import Daemon

START_LIMIT = 600.0
"""Seconds, base images included."""
STOP_LIMIT = 60.0


@dataclass(frozen=True)
class Target:
    ssh: str
    """ssh://user@host:port, without the app."""
    environment: dict[str, str]
    address: str
    http_port: int
    domain: str

    def remote(self, app: str) -> str:
        return f"{self.ssh}/{app}"

    def host(self, app: str) -> str:
        return f"{app}.{self.domain}"


@contextmanager
def own_daemon(folder: Path, keep: bool) -> Iterator[Target]:
    """A deployzero with a data folder and keys of its own, stopped and removed at the end."""
    folder.mkdir(parents=True)
    daemon = Daemon(folder)
    try:
        try:
            daemon.start(START_LIMIT)
        except AssertionError as error:
            sys.exit(f"deployzero did not start: {error}")
        yield Target(
            f"ssh://deployzero@127.0.0.1:{daemon.ssh_port}",
            daemon.git_environment,
            "127.0.0.1",
            daemon.http_port,
            "localhost",
        )
    finally:
        _stop(daemon)
        if keep:
            print(f"Kept: {folder}, apps, images and the proxy of this deployzero")
        elif (daemon.data / "deployzero.db").exists():
            daemon.down()


def _stop(daemon: Daemon) -> None:
    try:
        daemon.stop()
    except subprocess.TimeoutExpired:
        daemon.kill()


@contextmanager
def running_server(server: str, http: str, domain: str, apps: list[str]) -> Iterator[Target]:
    """A server that runs already; its apps of this benchmark are destroyed at the end."""
    web = urlsplit(http)
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        yield Target(server, environment, web.hostname or "127.0.0.1", web.port or 80, domain)
    finally:
        for app in apps:
            _destroy(server, app)


def _destroy(server: str, app: str) -> None:
    parts = urlsplit(server)
    host = f"{parts.username}@{parts.hostname}" if parts.username else str(parts.hostname)
    command = ["ssh", "-p", str(parts.port or 22), host, "apps:destroy", app, "--force"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=STOP_LIMIT, check=False)
    if done.returncode != 0:
        print(f"The app '{app}' is still on the server: {done.stdout}{done.stderr}".strip())
