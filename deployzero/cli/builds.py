"""`deployzero builds`: each deployment of whatever kind, failed ones too."""

from typing import Any

import click

from deployzero.cli.output import listing, when
from deployzero.cli.target import JSON, SERVER, app_path, connect, one_app

MOST = 1000
PAGE = 200


@click.command()
@one_app
@SERVER
@click.option("-n", "--num", type=click.IntRange(1, MOST), default=20, help="How many.")
@JSON
def builds(app: str | None, server: str | None, num: int, as_json: bool) -> None:
    """List an app's deployments, failed ones too, the newest first.

    `deployzero logs --deployment ID` prints what one of them said.
    """
    path = f"{app_path(app)}/deployments"
    with connect(server) as api:
        found = api.every(path, most=num, params={"limit": min(num, PAGE)})
    columns = {
        "ID": "id",
        "WHEN": "at",
        "WHO": "user",
        "KIND": "kind",
        "STATE": "state",
        "RELEASE": "version",
        "REASON": "reason",
    }
    rows = found if as_json else [_row(each) for each in found]
    listing(rows, columns, as_json, empty="There is none yet.")


def _row(deployment: dict[str, Any]) -> dict[str, Any]:
    release = deployment["release"]
    version = f"v{release}" if release else None
    return {**deployment, "at": when(deployment["created_at"]), "version": version}
