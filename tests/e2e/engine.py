"""A Docker Engine of a test's own, in a network namespace of its own, to stop, kill and start.

Two engines in one network namespace would share iptables' chains, and each flushes them
when it starts; in a namespace of its own it cannot touch the machine's engine.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import requests
from daemon import docker_client, wait_until
from docker.errors import NotFound

START_LIMIT = 60.0
STOP_LIMIT = 60.0
CLONE_NEWNET = 0x40000000
CONTAINERD = """
version = 2
root = "{0}/containerd"
state = "{0}/run"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{0}/containerd.sock"
"""


@contextmanager
def network_namespace() -> Iterator[None]:
    """The calling thread, and every process that it starts, in a network of its own.

    It needs no name and no holder: it goes when the last process in it has ended.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as before:
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            if libc.setns(before.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")


@dataclass
class Engine:
    """dockerd and, as on most hosts, a containerd beside it that outlives it."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="dz-engine-")))
    dockerd: subprocess.Popen[bytes] | None = None
    containerd: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"unix://{self.folder}/docker.sock"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def client(self) -> docker.APIClient:
        return docker.APIClient(base_url=self.host, timeout=60)

    def start(self) -> None:
        """Returns once it answers; by then it has started what its restart policies say."""
        if self.containerd is None:
            config = self.folder / "containerd.toml"
            config.write_text(CONTAINERD.format(self.folder))
            self.containerd = self._spawn("containerd", f"--config={config}")
        self.dockerd = self._spawn(
            "dockerd",
            f"--host={self.host}",
            f"--data-root={self.folder}/data",
            f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/docker.pid",
            f"--containerd={self.folder}/containerd.sock",
        )
        wait_until(self.answers, START_LIMIT, f"the private engine answers\n{self.log}")

    def answers(self) -> bool:
        assert self.dockerd is not None
        assert self.dockerd.poll() is None, self.log
        try:
            client = self.client()
            return bool(client.ping())
        except (docker.errors.DockerException, requests.RequestException):
            return False

    def stop(self) -> None:
        """As at a shutdown: it stops every container first."""
        self._end_dockerd(signal.SIGTERM)

    def kill(self) -> None:
        """Containers and containerd go on without it."""
        self._end_dockerd(signal.SIGKILL)

    def load(self, tag: str) -> None:
        """Copy an image from the machine's engine."""
        self.client().load_image(b"".join(docker_client().get_image(tag)))

    def containers(self, label: str) -> list[dict[str, Any]]:
        """The engine's inspection of each container that has the label, in a fixed order."""
        client = self.client()
        listed = client.containers(all=True, filters={"label": label})
        found = []
        for one in listed:
            with contextlib.suppress(NotFound):  # one that is retired goes meanwhile
                found.append(client.inspect_container(one["Id"]))
        return sorted(found, key=lambda one: str(one["Name"]))

    def close(self) -> None:
        """Leave no process, mount, control group or file."""
        if self.dockerd is None:
            self.start()
        client = self.client()
        for container in client.containers(all=True):
            client.remove_container(container["Id"], force=True, v=True)
        self.stop()
        if self.containerd is not None:
            self.containerd.terminate()
            self.containerd.wait(STOP_LIMIT)
        for mount in reversed(self._mounts()):
            subprocess.run(["umount", mount], check=True)
        shutil.rmtree(self.folder)

    def _mounts(self) -> list[str]:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        points = (line.split()[4] for line in lines)
        return [point for point in points if point.startswith(f"{self.folder}/")]

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _end_dockerd(self, number: signal.Signals) -> None:
        assert self.dockerd is not None
        self.dockerd.send_signal(number)
        self.dockerd.wait(STOP_LIMIT)
        self.dockerd = None
