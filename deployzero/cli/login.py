"""`deployzero login`."""

import os
import socket
import sys
from pathlib import Path

import click
import httpx

from deployzero.cli.output import clean
from deployzero.cli.target import warn_in_the_clear
from deployzero.client import accounts, folders
from deployzero.client import login as client
from deployzero.client.accounts import Account, Config
from deployzero.client.addresses import server_url
from deployzero.client.api import API
from deployzero.client.login import SSHTarget
from deployzero.errors import DeployZeroException, UsageError

ON_THIS_MACHINE = "http://127.0.0.1:8081"
FROM_FOLDER = "-"
"""`--ssh` without an address."""


@click.command()
@click.option("--server", metavar="URL", help="Where the server's API is.")
@click.option("--no-browser", is_flag=True, help="Print the page's address only.")
@click.option(
    "--ssh", is_flag=False, flag_value=FROM_FOLDER, metavar="[HOST[:PORT]]",
    help="Get the key over SSH, with no page; from this folder's git remote if no HOST is given.",
)  # fmt: skip
@click.option("--name", metavar="COMPUTER", help="What to call this computer's key.")
def login(server: str | None, no_browser: bool, ssh: str | None, name: str | None) -> None:
    """Sign this computer in to a server.

    The server's page shows a code, asks you to sign in and to approve this computer. The key
    that it gets goes into your config file, for your eyes alone.
    """
    config = accounts.load()
    computer = name or socket.gethostname()
    target = _ssh_target(config, ssh) if ssh is not None else None
    if target is not None:
        told = client.over_ssh(target, computer)
        server = server_url(server) if server else client.server_of(told, target)
        key = str(told["api_key"])
    else:
        server = server_url(server) if server else _default(config)
        key = _by_page(server, computer, no_browser)
    _keep(server, key, target, config.accounts.get(server))


def _by_page(server: str, computer: str, no_browser: bool) -> str:
    warn_in_the_clear(server)
    with API(Account(server, "")) as api:
        started = client.start(api, computer)
        url = clean(started.url)
        click.echo(f"Your code is {clean(started.user_code)}; approve this computer at\n  {url}")
        if not no_browser and _has_browser():
            click.launch(url)
        click.echo("Waiting for it …", err=True)
        return client.wait(api, started)


def _keep(server: str, key: str, target: SSHTarget | None, before: Account | None) -> None:
    warn_in_the_clear(server)
    with API(Account(server, key)) as api:
        me = api.get("/auth/me")
    found = Account(server, key, me["username"], client.ssh_of(me["server"]["ssh"], target))
    with accounts.changing() as config:
        config.add(found)
    if before is not None and before.api_key != key:
        _end(before)
    click.echo(f"Signed in to {server} as {clean(found.user)} ({clean(me['role'])})")
    if os.environ.get("DEPLOYZERO_API_KEY"):
        click.echo(" !     DEPLOYZERO_API_KEY is set: that key goes before this one.", err=True)


def _end(before: Account) -> None:
    """The key that nobody has any more."""
    try:
        with API(before) as api:
            api.post("/auth/logout")
    except DeployZeroException:
        return  # it is dead already, or the server away: it expires


def _ssh_target(config: Config, given: str) -> SSHTarget:
    if given != FROM_FOLDER:
        return client.ssh_target(given)
    place = folders.find(config, Path.cwd())
    if place is not None and place.remote is not None:
        return client.ssh_target(
            place.remote.url if "://" in place.remote.url else place.remote.ssh
        )
    if place is not None and place.server in config.accounts and config.accounts[place.server].ssh:
        return client.ssh_target(config.accounts[place.server].ssh)
    raise UsageError(
        "which host? This folder has no git remote named deployzero",
        "deployzero login --ssh ssh://deployzero@my.host:2222",
    )


def _default(config: Config) -> str:
    """Of the environment, this folder, the last login, this machine; or asked for."""
    if named := os.environ.get("DEPLOYZERO_SERVER"):
        return server_url(named)
    place = folders.find(config, Path.cwd())
    if place is not None and place.server is None and place.remote is not None:
        raise UsageError(
            f"this folder's git remote is on {place.remote.ssh}: where is that server's API?",
            "deployzero login --ssh; or: deployzero login --server URL",
        )
    if place is not None and place.server:
        return place.server
    if config.accounts:
        return list(config.accounts)[-1]
    if _answers(ON_THIS_MACHINE):
        return ON_THIS_MACHINE
    if not sys.stdin.isatty():
        raise UsageError("which server?", "deployzero login --server URL")
    return server_url(click.prompt("Where is the server's API (https://api.my.host)?"))


def _answers(server: str) -> bool:
    try:
        answer = httpx.get(f"{server}/healthz", timeout=2.0, trust_env=False)
        return "database" in answer.json()
    except (httpx.HTTPError, ValueError):
        return False


def _has_browser() -> bool:
    """Not over SSH, nor where there is no display."""
    if any(os.environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY")):
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
