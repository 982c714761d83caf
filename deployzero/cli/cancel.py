"""`deployzero cancel`."""

import click

from deployzero.cli.output import clean
from deployzero.cli.status import UNDER_WAY
from deployzero.cli.target import APP, SERVER, app_first, app_path, connect
from deployzero.client.api import API
from deployzero.errors import NotFoundError

SEEN = 50
"""Of the newest deployments: more do not wait."""
LIMIT = 300.0
"""Seconds: containers get time to end."""


@click.command()
@click.argument("words", nargs=-1, metavar="[APP] [ID]")
@APP
@SERVER
def cancel(words: tuple[str, ...], app: str | None, server: str | None) -> None:
    """Stop a deployment that waits or is under way; what is live stays.

    By default the one under way. IDs are what `deployzero builds` shows.
    """
    app, number = app_first(words, app, _number, "deployment")
    with connect(server) as api:
        if number is None:
            number = _under_way(api, app_path(app))
        done = api.post(f"/deployments/{number}/cancel", timeout=LIMIT)
    click.echo(f"=====> Deployment {number} of {clean(done['project_name'])} is stopped")


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else None


def _under_way(api: API, path: str) -> int:
    """The one that is worked on; the others wait for it."""
    found = api.get(f"{path}/deployments", params={"limit": SEEN})
    open_ = [int(each["id"]) for each in found if each["state"] in UNDER_WAY]
    if not open_:
        raise NotFoundError("nothing is under way", "`deployzero builds` shows what was.")
    return min(open_)
