"""`deployzero restart`."""

import click

from deployzero.cli.change import DETACH, finish
from deployzero.cli.target import SERVER, app_path, connect, one_app


@click.command()
@one_app
@SERVER
@DETACH
def restart(app: str | None, server: str | None, detach: bool) -> None:
    """Replace an app's containers, with zero downtime."""
    path = f"{app_path(app)}/restart"
    with connect(server) as api:
        finish(api, api.post(path), detach)
