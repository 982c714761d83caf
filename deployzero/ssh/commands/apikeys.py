"""apikeys:*: what signs one in over HTTP."""

from typing import Any

import click

from deployzero import __version__
from deployzero.deploy.platform import Platform
from deployzero.models.access import Role, Scope
from deployzero.models.api_key import APIKey
from deployzero.operations import api_keys
from deployzero.ssh.commands.render import listing, print_json
from deployzero.ssh.commands.tree import JSON, Caller, command

SECTION = "People"
MOST_ID = 2**31 - 1
NAME = click.Option(["--name"], default="made over SSH", help="Where it is used.")
SCOPE = click.Option(
    ["--scope"],
    type=click.Choice([scope.value for scope in Scope]),
    default=Scope.DEPLOY.value,
    show_default=True,
    help="The most that it may do.",
)
ONLY = click.Option(["--app"], help="The only app that it may touch.")
DAYS = click.Option(
    ["--expires-days", "days"],
    type=click.IntRange(1, api_keys.MOST_DAYS),
    metavar="N",
    help="Without it, it has no end.",
)
ID = click.Argument(["key_id"], type=click.IntRange(1, MOST_ID), metavar="ID")


@command(
    "apikeys:create",
    NAME,
    SCOPE,
    ONLY,
    DAYS,
    JSON,
    section=SECTION,
    needs=Role.MEMBER,
    changes=True,
)
async def apikeys_create(
    caller: Caller, name: str, scope: str, app: str | None, days: int | None, as_json: bool
) -> None:
    """Make an API key and print it, this once.

    read sees; deploy also makes apps, deploys and sets config; admin does all that you may.
    `deployzero login --ssh` gets its key so."""
    key, secret = await api_keys.create(caller.platform, caller.user, name, Scope(scope), app, days)
    if as_json:
        print_json(
            caller,
            {
                "api_key": secret,
                "username": caller.user.name,
                "role": caller.user.role,
                "key": _row(key),
                "server": _server(caller.platform),
            },
        )
        return
    caller.print(secret)
    caller.streams.stderr.write(
        f"       Key {key.id} ({key.scope}): send it in X-API-Key. It is shown this once.\n"
    )


@command("apikeys:list", JSON, section=SECTION, needs=Role.MEMBER, aliases=("apikeys",))
async def apikeys_list(caller: Caller, as_json: bool) -> None:
    """List your API keys and when each was last used."""
    listed = await api_keys.list_keys(caller.platform, caller.user)
    columns = {
        "ID": "id",
        "NAME": "name",
        "KEY": "prefix",
        "SCOPE": "scope",
        "APP": "project_name",
        "SINCE": "created_at",
        "EXPIRES": "expires_at",
        "LAST USED": "last_used_at",
    }
    rows = [_row(key) for key in listed]
    listing(caller, rows, columns, as_json, empty="There is no API key yet: apikeys:create")


@command("apikeys:remove", ID, section=SECTION, needs=Role.MEMBER, changes=True)
async def apikeys_remove(caller: Caller, key_id: int) -> None:
    """Remove an API key; what runs by it ends."""
    removed = await api_keys.remove(caller.platform, caller.user, key_id)
    caller.print(f"-----> {removed.name} ({removed.prefix}…) is removed; what runs by it ends")


def _row(key: APIKey) -> dict[str, Any]:
    """As the HTTP API shows it."""
    shown = ("id", "name", "prefix", "scope", "project_name", "created_at", "expires_at")
    return {name: getattr(key, name) for name in (*shown, "last_used_at")}


def _server(platform: Platform) -> dict[str, str]:
    """How the command line finds this server."""
    settings = platform.settings
    return {
        "api_url": settings.api_url,
        "ssh": f"{settings.domain}:{settings.ssh_port}",
        "domain": settings.domain,
        "version": __version__,
    }
