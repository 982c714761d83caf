"""`deployzero domains`: the host names that an app answers to beside its own."""

from typing import Any
from urllib.parse import quote

import click

from deployzero.cli.commands import Verbs
from deployzero.cli.output import clean, listing, print_json
from deployzero.cli.target import APP, JSON, SERVER, app_path, connect

NAMES = click.argument("names", nargs=-1, required=True, metavar="NAME…")


@click.group(cls=Verbs, invoke_without_command=True)
@APP
@SERVER
@JSON
@click.pass_context
def domains(context: click.Context, app: str | None, server: str | None, as_json: bool) -> None:
    """List the host names that an app answers to; add and remove them."""
    if context.invoked_subcommand is not None:
        return
    path = f"{app_path(app)}/domains"
    with connect(server) as api:
        found = api.get(path)
    if as_json:
        print_json(found)
        return
    rows = [{"name": found["host"], "kind": "own"}]
    for name in found["names"]:
        rows.append({"name": name, "kind": "wildcard" if name.startswith("*.") else "name"})
    listing(rows, {"NAME": "name", "KIND": "kind"}, as_json=False)


@domains.command("add")
@NAMES
@APP
@SERVER
@JSON
def add(names: tuple[str, ...], app: str | None, server: str | None, as_json: bool) -> None:
    """Let an app answer to more names.

    At once, without a new release. *.example.com is every name right below example.com.
    """
    path = f"{app_path(app)}/domains"
    with connect(server) as api:
        _tell(api.post(path, {"names": list(names)}), as_json)


@domains.command("remove")
@NAMES
@APP
@SERVER
@JSON
def remove(names: tuple[str, ...], app: str | None, server: str | None, as_json: bool) -> None:
    """Take names away from an app."""
    path = f"{app_path(app)}/domains"
    with connect(server) as api:
        for name in names:
            _tell(api.delete(f"{path}/{quote(name, safe='*')}"), as_json)


@domains.command("set")
@NAMES
@APP
@SERVER
@JSON
def set_(names: tuple[str, ...], app: str | None, server: str | None, as_json: bool) -> None:
    """Make these names all that an app has beside its own."""
    _replace(names, app, server, as_json)


@domains.command("clear")
@APP
@SERVER
@JSON
def clear(app: str | None, server: str | None, as_json: bool) -> None:
    """Leave an app its own host name alone."""
    _replace((), app, server, as_json)


def _replace(names: tuple[str, ...], app: str | None, server: str | None, as_json: bool) -> None:
    path = f"{app_path(app)}/domains"
    with connect(server) as api:
        _tell(api.put(path, {"names": list(names)}), as_json)


def _tell(done: dict[str, Any], as_json: bool) -> None:
    """What has changed, and what is still to be done; with --json what there is now."""
    if as_json:
        print_json(done)
        return
    for name in done["removed"]:
        click.echo(f"-----> Removed {clean(name)}")
    for name in done["added"]:
        click.echo(f"-----> Added {clean(name)}")
    if not done["added"] and not done["removed"]:
        click.echo("Nothing to change: `deployzero domains` shows what there is.")
    elif not done["live"]:
        click.echo("       In force once the app runs.")
    if done["added"]:
        server = clean(done["server"]) or "the server's address"
        click.echo(f"       Point an A or CNAME record for each to {server}.")
