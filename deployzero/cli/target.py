"""Which server, and which app, a command is about."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from deployzero.client import accounts
from deployzero.client.accounts import Account, Config
from deployzero.client.api import API
from deployzero.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

SERVER = click.option("--server", metavar="URL", help="The server, if you use several.")
APP = click.option("-a", "--app", "app", metavar="APP", help="The app, if not this folder's.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print data.")


def connect(server: str | None = None) -> API:
    """The server given, of the environment, of this folder, or the last one signed in to.

    Raises UsageError if nobody has signed in.
    """
    return API(account(accounts.load(), server))


def account(config: Config, server: str | None) -> Account:
    key = os.environ.get("DEPLOYZERO_API_KEY", "")
    wanted = server or os.environ.get("DEPLOYZERO_SERVER") or _of_folder(config)
    if wanted:
        wanted = wanted.rstrip("/")
        if key:
            return Account(wanted, key)
        if wanted in config.accounts:
            return config.accounts[wanted]
        raise UsageError(
            f"you have not signed in to {wanted}", f"deployzero login --server {wanted}"
        )
    if not config.accounts:
        raise UsageError("you have not signed in", "deployzero login --server URL")
    return list(config.accounts.values())[-1]


def app_name(app: str | None) -> str:
    """The app given, or this folder's. Raises UsageError if that is not known."""
    link = accounts.load().links.get(str(Path.cwd()))
    if found := app or (link and link.app):
        return found
    raise UsageError("which app?", "Name it with --app, or once for this folder: deployzero link")


def _of_folder(config: Config) -> str | None:
    link = config.links.get(str(Path.cwd()))
    return link.server if link else None
