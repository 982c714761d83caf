"""A bare repository behind a stock OpenSSH server of its own: port, config, key and pid."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

SSHD = Path("/usr/sbin/sshd")
RUN_FOLDER = Path("/run/sshd")
POLICY = Path("/usr/sbin/policy-rc.d")
START_LIMIT = 10.0
CONFIG = """ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/id.pub
StrictModes no
UsePAM no
PasswordAuthentication no
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def install() -> None:
    """Debian's openssh-server, without its service being started."""
    if SSHD.exists():
        return
    print("Installing openssh-server (its service stays off)", flush=True)
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    command = ["apt-get", "install", "--yes", "-qq", "--no-install-recommends", "openssh-server"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    try:
        subprocess.run(["apt-get", "update", "-qq"], check=True, timeout=300)
        subprocess.run(command, env=environment, check=True, timeout=600, stdout=subprocess.DEVNULL)
    finally:
        if ours:
            POLICY.unlink()


class OpenSSH:
    """Runs between `with` and its end; everything lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.repository = folder / "bare.git"
        self._process: subprocess.Popen[bytes] | None = None
        self._made_run_folder = False

    def __enter__(self) -> "OpenSSH":
        self.folder.mkdir(parents=True)
        for name in ("host_key", "id"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name))
        _run("git", "init", "--quiet", "--bare", str(self.repository))
        config = self.folder / "sshd_config"
        config.write_text(CONFIG.format(port=self.port, folder=self.folder))
        if not RUN_FOLDER.exists():
            RUN_FOLDER.mkdir(mode=0o755)
            self._made_run_folder = True
        with (self.folder / "sshd.log").open("wb") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._await_port()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        if self._made_run_folder:
            shutil.rmtree(RUN_FOLDER, ignore_errors=True)

    @property
    def remote(self) -> str:
        return f"ssh://127.0.0.1:{self.port}{self.repository}"

    @property
    def environment(self) -> dict[str, str]:
        return git_environment(self.folder)

    def _await_port(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError(f"sshd did not start: {(self.folder / 'sshd.log').read_text()}")


def git_environment(folder: Path) -> dict[str, str]:
    """Stock git and ssh with the key `id` of this folder, and nothing of the user's own."""
    ssh = (
        f"ssh -F none -i {folder / 'id'} -o IdentitiesOnly=yes -o BatchMode=yes"
        f" -o UserKnownHostsFile={folder / 'known_hosts'} -o StrictHostKeyChecking=accept-new"
    )
    return {**os.environ, "GIT_SSH_COMMAND": ssh, "GIT_TERMINAL_PROMPT": "0"}


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)
