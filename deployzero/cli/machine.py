"""Prepare a machine: Debian packages and a running Docker Engine. Used by `doctor --fix`."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import click
import docker
from docker.errors import DockerException

from deployzero.errors import DeployZeroException

PACKAGES = {
    "git": "git",
    "ssh": "openssh-client",
    "mmdebstrap": "mmdebstrap",
    "iptables": "iptables",
}
"""Program to the Debian package that brings it."""
ENGINE_PACKAGE = "docker.io"
ENGINE_LOG = Path("/var/log/deployzero-dockerd.log")
START_LIMIT = 60.0
APT_LIMIT = 900.0


def engine_answers(docker_host: str) -> bool:
    try:
        client = docker.APIClient(docker_host or None, timeout=10)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except (DockerException, OSError):
        return False


def may_not_use_engine(docker_host: str) -> DeployZeroException | None:
    """What to say when there is an engine's socket, but not for the current user."""
    host = docker_host or os.environ.get("DOCKER_HOST", "") or "unix:///var/run/docker.sock"
    scheme, _, path = host.partition("://")
    if scheme != "unix":
        return None
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
    except PermissionError:
        return DeployZeroException(
            f"your user may not use the Docker Engine at {path}",
            "Run `sudo usermod -aG docker $USER`, sign in again, and repeat; or use sudo.",
        )
    except OSError:
        return None
    return None


def missing_packages() -> list[str]:
    return [package for program, package in PACKAGES.items() if not find_program(program)]


def find_program(name: str) -> str | None:
    """Like shutil.which, also where Debian keeps programs for root."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def prepare(docker_host: str) -> None:
    """Install what is missing and start the engine. Raises DeployZeroException."""
    packages = missing_packages()
    answers = engine_answers(docker_host)
    if not answers and not docker_host and not find_program("dockerd"):
        packages.append(ENGINE_PACKAGE)
    if packages:
        _install(packages)
    if not answers:
        if why_not := may_not_use_engine(docker_host):
            raise why_not
        _start_engine(docker_host)


def _install(packages: list[str]) -> None:
    if not shutil.which("apt-get"):
        raise DeployZeroException(
            f"missing: {', '.join(packages)}", "Install them with this system's package manager."
        )
    click.echo(f"-----> Installing {', '.join(packages)} (apt)")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "--quiet"], install):
        done = subprocess.run(  # noqa: S603 - fixed programs, package names from above
            [*_as_root(), *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=APT_LIMIT,
            check=False,
        )
    if done.returncode != 0:
        raise DeployZeroException(
            f"`{' '.join(install)}` exited with {done.returncode}",
            "Run it by hand, then again `deployzero doctor --fix`.",
            (done.stdout + done.stderr).splitlines()[-20:],
        )


def _start_engine(docker_host: str) -> None:
    if docker_host:
        raise DeployZeroException(
            f"no Docker Engine answers at {docker_host}", "Start it there, or unset DOCKER_HOST."
        )
    click.echo("-----> Starting the Docker Engine")
    if Path("/run/systemd/system").is_dir():
        _run_quietly([*_as_root(), "systemctl", "enable", "--now", "docker"])
    else:
        _start_dockerd()
    deadline = time.monotonic() + START_LIMIT
    while not engine_answers(docker_host):
        if why_not := may_not_use_engine(docker_host):
            raise why_not
        if time.monotonic() > deadline:
            raise DeployZeroException(
                f"the Docker Engine does not answer after {START_LIMIT:.0f} s",
                f"Its log: {ENGINE_LOG} (or `journalctl -u docker`). "
                "Is your user allowed to use it (group docker)?",
            )
        time.sleep(0.2)


def _start_dockerd() -> None:
    """Without systemd: a process of its own that outlives this one."""
    dockerd = find_program("dockerd") or "dockerd"
    # The shell, not this process, goes to the background, so that sudo can ask for a password.
    detached = 'setsid "$0" >>"$1" 2>&1 </dev/null &'
    command = [*_as_root(), "sh", "-c", detached, dockerd, str(ENGINE_LOG)]
    if subprocess.run(command, check=False, timeout=START_LIMIT).returncode != 0:  # noqa: S603
        raise DeployZeroException(
            "the Docker Engine was not started", "Run `deployzero doctor --fix` as root."
        )


def _run_quietly(command: list[str]) -> None:
    subprocess.run(command, check=False, timeout=START_LIMIT, capture_output=True)  # noqa: S603


def _as_root() -> list[str]:
    if os.geteuid() == 0:
        return []
    if not find_program("sudo"):
        raise DeployZeroException(
            "only root may prepare this machine, and there is no sudo",
            "Run `deployzero doctor --fix` as root.",
        )
    return ["sudo"]
