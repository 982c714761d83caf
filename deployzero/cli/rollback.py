"""`deployzero rollback`."""

import click

from deployzero.cli.change import DETACH, finish
from deployzero.cli.releases import version
from deployzero.cli.target import (
    APP,
    COMPLETION_LIMIT,
    SERVER,
    app_first,
    app_names,
    app_path,
    completing,
    connect,
)
from deployzero.errors import DeployZeroException

SHOWN = 20


def offered(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """For a shell's completion: the kept releases of the app named, or this folder's; and apps."""
    words = context.params.get("words") or ()
    named = context.params.get("app") or (words[0] if words else None)
    try:
        with completing(context) as api:
            params = {"limit": SHOWN}
            found = api.get(f"{app_path(named)}/releases", params=params, timeout=COMPLETION_LIMIT)
        kept = [f"v{each['release']}" for each in found if each["kept"] and not each["live"]]
    except (DeployZeroException, ValueError, LookupError, TypeError):
        kept = []
    return [each for each in kept if each.startswith(begun)] or (
        [] if named else app_names(context, parameter, begun)
    )


@click.command()
@click.argument("words", nargs=-1, metavar="[APP] [vN]", shell_complete=offered)
@APP
@SERVER
@DETACH
def rollback(words: tuple[str, ...], app: str | None, server: str | None, detach: bool) -> None:
    """Run an older release again, image and config.

    By default the one before."""
    app, release = app_first(words, app, version, "release")
    path = f"{app_path(app)}/rollback"
    with connect(server) as api:
        finish(api, api.post(path, {"release": release}), detach)
