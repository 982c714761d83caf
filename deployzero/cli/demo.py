"""The demo: a sample app, pushed by the real git over SSH and asked for its page."""

import asyncio
import os
from pathlib import Path

import asyncssh
import click

from deployzero.deploy.platform import Platform
from deployzero.operations import keys
from deployzero.routing.proof import ProxyClient

SAMPLE = {
    "app.py": (
        "from flask import Flask\n\n"
        "app = Flask(__name__)\n\n\n"
        '@app.get("/")\n'
        "def hello() -> str:\n"
        '    return "Hello from deployzero!\\n"\n'
    ),
    "requirements.txt": "flask==3.1.2\ngunicorn==23.0.0\n",
    ".python-version": "3.13\n",
}
APP = "hello"
LIMIT = 1800
"""Seconds for the first push, base images included."""


async def push_sample(platform: Platform) -> None:
    """Push the sample and print its URL and what it answered."""
    folder = platform.settings.data_dir / "demo"
    repository = folder / APP
    repository.mkdir(parents=True, exist_ok=True)
    environment = await _ssh_environment(platform, folder)
    for name, text in SAMPLE.items():
        (repository / name).write_text(text)
    await _git(repository, environment, "init", "--quiet", "--initial-branch=main")
    await _git(repository, environment, "add", "--all")
    await _git(
        repository, environment, "-c", "user.name=demo", "-c", "user.email=demo@localhost",
        "commit", "--quiet", "--allow-empty", "--message", "A push of the sample",
    )  # fmt: skip
    remote = f"ssh://deployzero@{_address(platform)}:{platform.settings.ssh_port}/{APP}"
    click.echo(f"-----> git push {remote} main")
    if await _git(repository, environment, "push", remote, "main") != 0:
        click.echo(" !     The sample was not deployed; what git printed above says why.")
        return
    await _show_answer(platform)


async def _show_answer(platform: Platform) -> None:
    """Ask by address and Host header: *.localhost does not resolve everywhere."""
    settings = platform.settings
    where = ProxyClient(settings.bind, settings.port, settings.tls)
    async with where.open(timeout=10) as client:
        answer = await client.get("/", headers={"Host": f"{APP}.{settings.domain}"})
    click.echo(f"=====> {settings.url(APP)} answered {answer.status_code}: {answer.text.strip()}")
    insecure = "--insecure " if settings.tls else ""
    click.echo(f"       curl {insecure}-H 'Host: {APP}.{settings.domain}' {where.base}/")


def _address(platform: Platform) -> str:
    bind = platform.settings.bind
    return "127.0.0.1" if bind in ("0.0.0.0", "::") else bind  # noqa: S104 - compared, not bound


async def _ssh_environment(platform: Platform, folder: Path) -> dict[str, str]:
    """A key of the demo's own, known to the server, and its own known_hosts."""
    key_file = folder / "key"
    if not key_file.exists():
        key = asyncssh.generate_private_key("ssh-ed25519", comment="deployzero-demo")
        key_file.touch(mode=0o600)
        key_file.write_bytes(key.export_private_key())
    public = asyncssh.read_private_key(key_file).export_public_key().decode()
    await keys.add_key(platform, keys.ADMIN, keys.DEMO, public)
    ssh = (
        f"ssh -F none -i '{key_file}' -o IdentitiesOnly=yes -o BatchMode=yes"
        f" -o UserKnownHostsFile='{folder / 'known_hosts'}' -o StrictHostKeyChecking=accept-new"
    )
    return {**os.environ, "GIT_SSH_COMMAND": ssh, "GIT_TERMINAL_PROMPT": "0"}


async def _git(repository: Path, environment: dict[str, str], *arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(
        "git", *arguments, cwd=repository, env=environment
    )
    try:
        async with asyncio.timeout(LIMIT):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
