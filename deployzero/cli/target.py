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
from deployzero.client.addresses import in_the_clear, server_url
from deployzero.client.api import API
from deployzero.client.folders import find
from deployzero.errors import DeployZeroException, UsageError

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
COMPLETION_LIMIT = 1.0


def app_names(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """For a shell's completion: soon, and without a word whatever happens."""
    try:
        with completing(context) as api:
            found = api.get("/projects", params={"limit": 200}, timeout=COMPLETION_LIMIT)
        return [each["project_name"] for each in found if each["project_name"].startswith(begun)]
    except (DeployZeroException, ValueError, LookupError, TypeError):
        return []


def completing(context: click.Context) -> API:
    """For a shell's completion: without a word."""
    return API(account(accounts.load(), context.params.get("server")))


def inherited(context: click.Context, parameter: click.Parameter, value: T) -> T:
    """`config -a hello set …` is `config set -a hello …`."""
    if not value and context.parent is not None:
        found: T = context.parent.params.get(str(parameter.name), value)
        return found
    return value


SERVER = click.option(
    "--server", metavar="URL", callback=inherited, help="The server, if you use several."
)
APP = click.option(
    "-a", "--app", "app", metavar="APP", callback=inherited, shell_complete=app_names,
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


def app_first(
    words: tuple[str, ...], app: str | None, read: Callable[[str], T | None], what: str
) -> tuple[str | None, T | None]:
    """The app and the other argument, of `[APP] [OTHER]`: what `read` takes is the other.

    Raises UsageError for more or other words.
    """
    named, rest = app, list(words)
    if rest and named is None and (len(rest) > 1 or read(rest[0]) is None):
        named = rest.pop(0)
    found = read(rest[0]) if rest else None
    if len(rest) > 1 or (rest and found is None):
        raise UsageError(f"{rest[-1][:60]!r} is no {what}", f"Write it so: [APP] [{what.upper()}]")
    return named, found


def app_path(app: str | None) -> str:
    """Of the API, of the app given or this folder's: `/projects/hello`."""
    return f"/projects/{quote(app_name(app), safe='')}"


def connect(server: str | None = None) -> API:
    """The server given, of the environment, of this folder, or the last one signed in to.

    Raises UsageError if nobody has signed in there.
    """
    found = account(accounts.load(), server)
    warn_in_the_clear(found.server)
    return API(found)


def warn_in_the_clear(server: str) -> None:
    """Before a key or password is sent."""
    if in_the_clear(server):
        click.secho(
            f" !     {server} has no TLS: whoever is on the way reads your key.",
            fg="yellow", err=True,
        )  # fmt: skip


def account(config: Config, server: str | None, folder: Path | None = None) -> Account:
    """The same without connecting. folder: instead of the current one."""
    key, named = os.environ.get("DEPLOYZERO_API_KEY", ""), os.environ.get("DEPLOYZERO_SERVER", "")
    _check_key(key)
    if server and named and server_url(server) != server_url(named):
        key = ""  # it is the other server's
    wanted = server or named or _of_folder(config, folder or Path.cwd())
    if wanted:
        wanted = server_url(wanted)
        if key:
            return Account(wanted, key)
        if wanted in config.accounts:
            return config.accounts[wanted]
        raise UsageError(
            f"you have not signed in to {wanted}", f"deployzero login --server {wanted}"
        )
    if not config.accounts:
        raise UsageError(
            "which server? DEPLOYZERO_API_KEY alone does not tell" if key
            else "you have not signed in",
            "DEPLOYZERO_SERVER=URL" if key else "deployzero login --server URL",
        )  # fmt: skip
    last = list(config.accounts.values())[-1]
    return Account(last.server, key) if key else last


def app_name(app: str | None = None) -> str:
    """The app given, or this folder's. Raises UsageError if that is not known."""
    if app:
        return app
    if place := find(accounts.load(), Path.cwd()):
        return place.app
    raise UsageError("which app?", "Name it with --app, or once for this folder: deployzero link")


def _of_folder(config: Config, folder: Path) -> str | None:
    place = find(config, folder)
    if place is not None and place.server is None and place.remote is not None:
        raise UsageError(
            f"you have not signed in to {place.remote.ssh}, where this folder's git remote is",
            f"deployzero login --ssh ssh://deployzero@{place.remote.ssh}",
        )
    return place.server if place else None


def _check_key(key: str) -> None:
    if not (key.isascii() and (key.isprintable() and " " not in key)):
        raise UsageError("DEPLOYZERO_API_KEY is no key", "Is a blank or a line's end in it?")
