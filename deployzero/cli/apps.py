"""`deployzero apps`."""

from typing import Any

import click

from deployzero.cli.output import listing
from deployzero.cli.target import JSON, SERVER, connect


@click.command()
@SERVER
@JSON
def apps(server: str | None, as_json: bool) -> None:
    """List your apps, what is live and how it is."""
    with connect(server) as api:
        found = api.every("/projects")
    listing(
        found if as_json else [_row(each) for each in found],
        {"APP": "project_name", "RELEASE": "release", "PROCESSES": "processes", "URL": "url"},
        as_json,
        empty="There is no app yet: `deployzero deploy` in a folder makes one.",
    )


def _row(app: dict[str, Any]) -> dict[str, Any]:
    release = "stopped" if app["stopped"] else app["release"] and f"v{app['release']}"
    return {**app, "release": release, "processes": [_process(each) for each in app["processes"]]}


def _process(row: dict[str, Any]) -> str:
    return f"{row['process']}.{row['index']}: {row['health']}"
