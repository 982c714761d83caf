"""releases, and the way back to one."""

import textwrap
from typing import Any

import click

from deployzero.errors import UsageError
from deployzero.models.access import Role
from deployzero.models.deployment import Deployment
from deployzero.operations import releases
from deployzero.ssh.commands.follow import follow
from deployzero.ssh.commands.render import Cell, Row, fields, listing
from deployzero.ssh.commands.tree import APP, JSON, Caller, command

SECTION = "Releases"
MOST = 1000
LONGEST_WHAT = 60


@command(
    "releases",
    APP,
    click.Option(["-n", "--num", "limit"], type=click.IntRange(1, MOST), default=20, help="Lines."),
    JSON,
    section=SECTION,
    needs=Role.VIEWER,
    aliases=("releases:list",),
)
async def releases_list(caller: Caller, app: str, limit: int, as_json: bool) -> None:
    """List an app's releases, the newest first."""
    found = await releases.list_releases(caller.platform, caller.user, app, limit)
    columns: dict[str, Cell] = {
        "RELEASE": lambda row: f"v{row['release']}",
        "WHEN": "at",
        "WHO": "user",
        "WHAT": what,
        "COMMIT": lambda row: row["commit"][:9],
        "STATE": lambda row: "live" if row["live"] else "-",
        "IMAGE": lambda row: "kept" if row["image_kept"] else "gone",
    }
    listing(caller, [_row(each) for each in found], columns, as_json, empty="There is none yet.")


@command(
    "releases:info",
    APP,
    click.Argument(["release"], metavar="vN"),
    JSON,
    section=SECTION,
    needs=Role.VIEWER,
)
async def releases_info(caller: Caller, app: str, release: str, as_json: bool) -> None:
    """Show all about a release; of its config the names alone."""
    info = await releases.release_info(caller.platform, caller.user, app, _number(release))
    deployment = info.release.deployment
    values = _row(info.release) | {
        "build": deployment.id,
        "branch": deployment.branch,
        "config": None if info.variables is None else list(info.variables),
        "timings": deployment.timings,
    }
    fields(caller, values if as_json else values | timed(deployment), as_json)


@command(
    "rollback",
    APP,
    click.Argument(["release"], required=False, metavar="[vN]"),
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
    aliases=("releases:rollback",),
)
async def rollback(caller: Caller, app: str, release: str | None) -> int:
    """Run an older release again, image and config.

    By default the one before."""
    number = _number(release) if release is not None else None
    return await follow(caller, await releases.rollback(caller.platform, caller.user, app, number))


def what(row: Row) -> str:
    """What somebody did, in one cell."""
    message = row["message"] or ""
    told = ": ".join(filter(None, [row["kind"], message]))
    if message.casefold().startswith(row["kind"]):  # "Rollback to v6"
        told = message
    return textwrap.shorten(told, LONGEST_WHAT, placeholder=" …")


def timed(deployment: Deployment) -> dict[str, Any]:
    """Its timings as people read them."""
    return {"timings": {stage: f"{spent:.2f}s" for stage, spent in deployment.timings.items()}}


def _row(release: releases.Release) -> dict[str, Any]:
    deployment = release.deployment
    return {
        "release": release.number,
        "at": deployment.finished_at,
        "user": deployment.user_name,
        "kind": deployment.kind.value,
        "message": deployment.message,
        "commit": deployment.commit,
        "live": release.live,
        "image_kept": release.kept,
    }


def _number(text: str) -> int:
    digits = text.removeprefix("v")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise UsageError(f"{text[:60]!r} is no release", "Write v3, as `releases` shows it.")
    return int(digits)
