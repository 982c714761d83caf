"""`deployzero enter`."""

import sys

import click

from deployzero.cli.target import APP, SERVER, app_path, connect
from deployzero.client import running, terminal


@click.command(context_settings={"allow_interspersed_args": False})
@APP
@SERVER
@click.option("--no-tty", is_flag=True, help="No terminal, though you sit at one.")
@click.argument("words", nargs=-1, metavar="[web.1] [COMMAND...]")
def enter(app: str | None, server: str | None, no_tty: bool, words: tuple[str, ...]) -> None:
    """Open a shell, or run a command, in a running container."""
    path = f"{app_path(app)}/enter"
    with connect(server) as api:
        account = api.account
    kind = None if no_tty or not terminal.there() else terminal.kind()
    sys.exit(running.run(account, path, words, terminal=kind))
