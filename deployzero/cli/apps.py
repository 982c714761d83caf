"""`deployzero apps`."""

from itertools import groupby
from typing import Any

import click

from deployzero.cli.output import listing
from deployzero.cli.target import JSON, SERVER, connect

MOST_LISTED = 3
"""Of one process; the line of more only counts them."""


@click.command()
@SERVER
@JSON
def apps(server: str | None, as_json: bool) -> None:
    """List your apps, what is live and how it is."""
    with connect(server) as api:
        show(api.every("/projects"), as_json)


def show(found: list[dict[str, Any]], as_json: bool) -> None:
    listing(
        found if as_json else [_row(each) for each in found],
        {"APP": "project_name", "RELEASE": "release", "PROCESSES": "processes", "URL": "url"},
        as_json,
        empty="There is no app yet: `deployzero deploy` in a folder makes one.",
    )


def _row(app: dict[str, Any]) -> dict[str, Any]:
    release = f"v{app['release']}" if app["release"] else None
    return {**app, "release": release, "processes": health(app)}


def health(app: dict[str, Any]) -> str:
    """How an app's processes are, in one cell."""
    if app["release"] is None:
        return "not deployed"
    if app["stopped"]:
        return "stopped"
    rows = sorted(app["processes"], key=lambda row: (row["process"] != "web", row["process"]))
    found = groupby(rows, key=lambda row: str(row["process"]))
    return ", ".join(_health(process, list(group)) for process, group in found) or "none"


def _health(process: str, rows: list[dict[str, Any]]) -> str:
    """One by one as long as that reads well."""
    if len(rows) > MOST_LISTED:
        return f"{process} {sum(row['health'] == 'healthy' for row in rows)}/{len(rows)} healthy"
    rows = sorted(rows, key=lambda row: int(row["index"]))
    return ", ".join(f"{process}.{row['index']} {row['health']}" for row in rows)
