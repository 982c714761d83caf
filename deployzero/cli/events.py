"""`deployzero events`: the audit log."""

from typing import Any

import click

from deployzero.cli.output import listing, when
from deployzero.cli.target import JSON, SERVER, app_names, connect
from deployzero.cli.target import app_path as path_of

MOST = 1000
PAGE = 200


@click.command()
@click.argument("app", required=False, shell_complete=app_names)
@SERVER
@click.option("-n", "--num", type=click.IntRange(1, MOST), default=50, help="How many.")
@JSON
def events(app: str | None, server: str | None, num: int, as_json: bool) -> None:
    """Show who did what, when, and how it ended.

    Of an app, or all that you may see: admins see everything."""
    path = f"{path_of(app)}/events" if app else "/events"
    with connect(server) as api:
        found = api.every(path, most=num, params={"limit": min(num, PAGE)})
    columns = {
        "WHEN": "when",
        "WHO": "who",
        "ACTION": "action",
        "APP": "app",
        "DETAIL": "detail",
        "RESULT": "result",
    }
    rows = found if as_json else [_row(each) for each in found]
    listing(rows, columns, as_json, empty="Nothing yet.")


def _row(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "when": when(event["at"]), "who": event["user"] or "deployzero"}
