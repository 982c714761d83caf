"""`deployzero link`."""

from pathlib import Path
from urllib.parse import quote

import click

from deployzero.cli.output import clean, print_json
from deployzero.cli.target import APP, JSON, SERVER, account, connect
from deployzero.client import accounts
from deployzero.client.accounts import Link
from deployzero.client.folders import find
from deployzero.errors import UsageError


@click.command()
@SERVER
@APP
@click.argument("named", required=False, metavar="[APP]")
@click.option("--remove", is_flag=True, help="This folder is no app's any more.")
@JSON
def link(
    server: str | None, app: str | None, named: str | None, remove: bool, as_json: bool
) -> None:
    """Say which app this folder is; without APP, show it."""
    folder, app = Path.cwd().resolve(), named or app
    if remove:
        _remove(folder)
    elif app is None:
        _show(folder, as_json)
    else:
        with connect(server) as api:
            found = api.get(f"/projects/{quote(app, safe='')}")  # by its id, too
            keep(folder, api.account.server, found["project_name"])


def keep(folder: Path, server: str, app: str) -> None:
    with accounts.changing() as config:
        config.links[str(folder.resolve())] = Link(server, app)
    click.echo(f"-----> {folder} is linked to {clean(app)} on {server}", err=True)


def _remove(folder: Path) -> None:
    with accounts.changing() as config:
        if config.links.pop(str(folder), None) is None:
            raise UsageError("this folder is not linked")
    click.echo("-----> This folder is linked to no app any more", err=True)


def _show(folder: Path, as_json: bool) -> None:
    config = accounts.load()
    place = find(config, folder)
    if place is None:
        raise UsageError("this folder is no app's", "deployzero link APP")
    server = place.server or account(config, None).server
    if as_json:
        by = "git remote" if place.remote else "link"
        print_json({"app": place.app, "server": server, "folder": str(place.folder), "by": by})
        return
    by = "by its git remote" if place.remote else f"by the link of {place.folder}"
    click.echo(f"{place.app} on {server}, {by}")
