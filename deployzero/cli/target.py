"""Which server, and which app, a command is about."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click

from deployzero.client import accounts
from deployzero.client.accounts import Account, Config
from deployzero.client.api import API
from deployzero.errors import DeployZeroException, UsageError

F = TypeVar("F", bound=Callable[..., Any])
COMPLETION_LIMIT = 1.0


def app_names(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """For a shell's completion: soon, and without a word whatever happens."""
    try:
        with connect(context.params.get("server")) as api:
            found = api.get("/projects", params={"limit": 200}, timeout=COMPLETION_LIMIT)
        return [each["project_name"] for each in found if each["project_name"].startswith(begun)]
    except (DeployZeroException, ValueError, LookupError, TypeError):
        return []


def _inherited(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """`config -a hello set …` is `config set -a hello …`."""
    if value is None and context.parent is not None:
        return context.parent.params.get(str(parameter.name))
    return value


SERVER = click.option(
    "--server", metavar="URL", callback=_inherited, help="The server, if you use several."
)
APP = click.option(
    "-a", "--app", "app", metavar="APP", callback=_inherited, shell_complete=app_names,
    help="The app, if not this folder's.",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Print data.")


def one_app(function: F) -> F:
    """`--app APP`, or just APP, for a command with no other argument: its parameter `app`."""

    @APP
    @click.argument("named", required=False, metavar="[APP]", shell_complete=app_names)
    @functools.wraps(function)
    def with_app(app: str | None, named: str | None, **rest: Any) -> Any:
        if named and app and named != app:
            raise UsageError(f"which app, {named} or {app}?", "Name it once.")
        return function(app=named or app, **rest)

    return with_app  # type: ignore[return-value]


def app_path(app: str | None) -> str:
    """Of the API, of the app given or this folder's: `/projects/hello`."""
    return f"/projects/{quote(app_name(app), safe='')}"


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
