"""`deployzero access`: who may do what with an app."""

from urllib.parse import quote

import click

from deployzero.cli.commands import Verbs
from deployzero.cli.output import clean, listing
from deployzero.cli.target import APP, JSON, SERVER, app_path, connect


@click.group(cls=Verbs, invoke_without_command=True)
@APP
@SERVER
@JSON
@click.pass_context
def access(context: click.Context, app: str | None, server: str | None, as_json: bool) -> None:
    """List who may do what with an app; give and take it."""
    if context.invoked_subcommand is not None:
        return
    path = f"{app_path(app)}/access"
    with connect(server) as api:
        found = api.get(path)
    listing(found, {"USER": "username", "ROLE": "role"}, as_json)


@access.command("add")
@click.argument("user")
@click.option(
    "--role",
    type=click.Choice(["viewer", "deployer", "owner"]),
    default="deployer",
    show_default=True,
)
@APP
@SERVER
def add(user: str, role: str, app: str | None, server: str | None) -> None:
    """Give somebody a role with an app, in place of the one they have."""
    path = f"{app_path(app)}/access/{quote(user, safe='')}"
    with connect(server) as api:
        api.put(path, {"role": role})
    click.echo(f"=====> {clean(user)} is {clean(role)} now")


@access.command("remove")
@click.argument("user")
@APP
@SERVER
def remove(user: str, app: str | None, server: str | None) -> None:
    """Take from somebody what they were given."""
    path = f"{app_path(app)}/access/{quote(user, safe='')}"
    with connect(server) as api:
        api.delete(path)
    click.echo(f"=====> {clean(user)} has no access any more")
