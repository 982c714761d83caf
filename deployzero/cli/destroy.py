"""`deployzero destroy`."""

import sys

import click

from deployzero.cli.output import clean
from deployzero.cli.target import SERVER, app_path, connect, one_app
from deployzero.errors import UsageError

LIMIT = 300.0
"""Seconds: containers get time to end."""


@click.command()
@one_app
@SERVER
@click.option("--confirm", metavar="NAME", help="Its name again, instead of a question.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing.")
def destroy(app: str | None, server: str | None, confirm: str | None, yes: bool) -> None:
    """Remove an app with all that it has, for good.

    Its containers, images, config and repository."""
    path = app_path(app)
    with connect(server) as api:
        name = str(api.get(path)["project_name"])
        if yes:
            confirm = name
        elif confirm is None and sys.stdin.isatty():
            click.echo(
                f" !     This removes {clean(name)} with its containers, images, config and "
                "repository.",
                err=True,
            )
            confirm = click.prompt(f"       To go on, type its name ({clean(name)})", err=True)
        if (confirm or "").strip() != name:
            raise UsageError(
                f"{name} is not destroyed: its name was not confirmed",
                f"Type it when asked, or give it: deployzero destroy {name} --confirm {name}",
            )
        click.echo(f"-----> Destroying {clean(name)}")
        api.delete(path, params={"confirm": name}, timeout=LIMIT)
    click.echo(f"=====> {clean(name)} is destroyed")
