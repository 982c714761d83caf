"""`deployzero rollback`."""

import click

from deployzero.cli.change import DETACH, finish
from deployzero.cli.releases import Release
from deployzero.cli.target import APP, SERVER, app_path, connect


@click.command()
@click.argument("release", required=False, type=Release(), metavar="[vN]")
@APP
@SERVER
@DETACH
def rollback(release: int | None, app: str | None, server: str | None, detach: bool) -> None:
    """Run an older release again, image and config.

    By default the one before."""
    path = f"{app_path(app)}/rollback"
    with connect(server) as api:
        finish(api, api.post(path, {"release": release}), detach)
