"""`deployzero login`."""

import contextlib
import os
import socket
import sys
from dataclasses import replace
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
from deployzero.errors import DeployZeroException, UnauthenticatedError, UsageError

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
    given = server_url(server) if server else None
    if target is not None:
        found, role = _over_ssh(target, given, computer)
    else:
        found, role = _by_page(given or _default(config), computer, no_browser)
    if before := config.accounts.get(found.server):
        _end(before)
    click.echo(f"Signed in to {found.server} as {clean(found.user)} ({clean(role)})")
    if os.environ.get("DEPLOYZERO_API_KEY"):
        click.echo(" !     DEPLOYZERO_API_KEY is set: that key goes before this one.", err=True)


def _over_ssh(target: SSHTarget, server: str | None, computer: str) -> tuple[Account, str]:
    """The account that is kept, and its role; so `_by_page`."""
    if server:
        _check_answers(server)  # before there is a key
    told = client.over_ssh(target, computer)
    try:
        server = server or client.server_of(told, target)
        return _keep(Account(server, str(told["api_key"])), target)
    except BaseException:  # Ctrl-C too: nobody would hold the key
        if not client.taken_back(target, told):
            text = f"The new key {computer} is alive: apikeys:list and apikeys:remove over SSH."
            click.echo(f" !     {clean(text)}", err=True)
        raise


def _check_answers(server: str) -> None:
    """Raises DeployZeroException unless a server of ours is there."""
    with API(Account(server, "")) as api, contextlib.suppress(UnauthenticatedError):
        api.get("/auth/me")


def _by_page(server: str, computer: str, no_browser: bool) -> tuple[Account, str]:
    warn_in_the_clear(server)
    with API(Account(server, "")) as api:
        started = client.start(api, computer)
        url = clean(started.url)
        click.echo(f"Your code is {clean(started.user_code)}; approve this computer at\n  {url}")
        if not no_browser and _has_browser():
            click.launch(url)
        click.echo("Waiting for it …", err=True)
        made = Account(server, client.wait(api, started))
    try:
        return _keep(made, None)
    except BaseException:
        _end(made)
        raise


def _keep(made: Account, target: SSHTarget | None) -> tuple[Account, str]:
    warn_in_the_clear(made.server)
    with API(made) as api:
        me = api.get("/auth/me")
    found = replace(made, user=me["username"], ssh=client.ssh_of(me["server"]["ssh"], target))
    role = str(me["role"])
    with accounts.changing() as config:
        config.add(found)
    return found, role


def _end(account: Account) -> None:
    """The key that nobody has any more."""
    try:
        with API(account) as api:
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
