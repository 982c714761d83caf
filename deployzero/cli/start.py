"""`deployzero start`."""

import click

from deployzero.cli.change import DETACH, finish
from deployzero.cli.target import SERVER, app_path, connect, one_app

QUEUED = 202


@click.command()
@one_app
@SERVER
@DETACH
def start(app: str | None, server: str | None, detach: bool) -> None:
    """Run an app again that was stopped."""
    path = f"{app_path(app)}/start"
    with connect(server) as api:
        answer = api.request("POST", path)
        if answer.status_code != QUEUED:
            click.echo("It runs already: `deployzero restart` restarts it.")
            return
        finish(api, answer.json(), detach)
