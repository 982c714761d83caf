"""builds:*: each deployment of whatever kind, and its log."""

from typing import Any

import click

from deployzero.errors import UsageError
from deployzero.models.access import Role
from deployzero.models.deployment import Deployment
from deployzero.operations import builds
from deployzero.ssh.commands.releases import MOST, timed, what
from deployzero.ssh.commands.render import Cell, Row, fields, listing
from deployzero.ssh.commands.tree import APP, JSON, Caller, command

SECTION = "Builds"
CURRENT = "current"
BUILD = click.Argument(["build"], required=False, metavar="[ID|current]")


@command(
    "builds:list",
    APP,
    click.Option(["-n", "--num", "limit"], type=click.IntRange(1, MOST), default=20, help="Lines."),
    click.Option(["--before"], type=int, metavar="ID", help="Only older ones than this."),
    JSON,
    section=SECTION,
    needs=Role.VIEWER,
    aliases=("builds",),
)
async def builds_list(
    caller: Caller, app: str, limit: int, before: int | None, as_json: bool
) -> None:
    """List what was deployed or restarted, failures too.

    The newest first."""
    found = await builds.list_builds(caller.platform, caller.user, app, limit, before)
    columns: dict[str, Cell] = {
        "ID": "id",
        "WHEN": "at",
        "WHO": "user",
        "WHAT": what,
        "COMMIT": lambda row: row["commit"][:9],
        "STATE": "state",
        "SECONDS": _seconds,
        "RELEASE": lambda row: f"v{row['release']}" if row["release"] else "-",
    }
    listing(caller, [_row(each) for each in found], columns, as_json, empty="There is none yet.")


@command("builds:info", APP, BUILD, JSON, section=SECTION, needs=Role.VIEWER)
async def builds_info(caller: Caller, app: str, build: str | None, as_json: bool) -> None:
    """Show all about a build.

    By default the one under way, or the newest."""
    found = await builds.find(caller.platform, caller.user, app, _id(build))
    values = _row(found) | {
        "branch": found.branch,
        "reason": found.reason,
        "started_at": found.started_at,
        "finished_at": found.finished_at,
    }
    fields(caller, values if as_json else values | timed(found), as_json)


@command(
    "builds:output",
    APP,
    BUILD,
    click.Option(["-f", "-t", "--follow", "follow"], is_flag=True, help="Until it has ended."),
    section=SECTION,
    needs=Role.VIEWER,
)
async def builds_output(caller: Caller, app: str, build: str | None, follow: bool) -> None:
    """Print a build's log.

    By default of the one under way, or the newest."""
    async for line in builds.output(caller.platform, caller.user, app, _id(build), follow):
        caller.print(line)
        await caller.streams.stdout.drain()


@command("builds:cancel", APP, BUILD, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def builds_cancel(caller: Caller, app: str, build: str | None) -> None:
    """Stop a build or boot; by default the one under way. What is live stays."""
    ended = await builds.cancel(caller.platform, caller.user, app, _id(build))
    caller.print(f"=====> Build {ended.id} ({ended.kind}) is {ended.reason}")


def _row(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.id,
        "at": deployment.created_at,
        "user": deployment.user_name,
        "kind": deployment.kind.value,
        "message": deployment.message,
        "commit": deployment.commit,
        "state": deployment.state.value,
        "release": deployment.release,
        "timings": deployment.timings,
    }


def _id(text: str | None) -> int | None:
    if text is None or text == CURRENT:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise UsageError(f"{text[:60]!r} is no build", "Write its number, as `builds:list` shows.")
    return int(text)


def _seconds(row: Row) -> str | None:
    total = (row["timings"] or {}).get("total")
    return None if total is None else f"{total:.1f}"
