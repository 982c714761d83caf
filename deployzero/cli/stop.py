"""`deployzero stop`."""

import click

from deployzero.cli.target import SERVER, app_path, connect, one_app

LIMIT = 300.0
"""Seconds: containers get time to end."""


@click.command()
@one_app
@SERVER
def stop(app: str | None, server: str | None) -> None:
    """End an app's processes: it serves nothing.

    It keeps its release."""
    path = f"{app_path(app)}/stop"
    with connect(server) as api:
        api.post(path, timeout=LIMIT)
    click.echo("=====> It is stopped: `deployzero start` runs it again.")
