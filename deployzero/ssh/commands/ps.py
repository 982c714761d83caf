"""ps:*: an app's processes."""

from dataclasses import asdict
from typing import Any

import click

from deployzero.errors import UsageError
from deployzero.models.access import Role
from deployzero.operations import processes
from deployzero.ssh.commands.follow import follow
from deployzero.ssh.commands.render import Cell, listing, print_json
from deployzero.ssh.commands.tree import APP, JSON, Caller, command

SECTION = "Processes"


@command("ps", APP, JSON, section=SECTION, needs=Role.VIEWER, aliases=("ps:report",))
async def ps(caller: Caller, app: str, as_json: bool) -> None:
    """Show an app's processes and how they are."""
    found = await processes.report(caller.platform, caller.user, app)
    live, project = found.live, found.project
    rows = [_row(process) for process in found.running]
    if as_json:
        print_json(
            caller,
            {
                "name": project.name,
                "url": found.url,
                "release": live.release if live else None,
                "commit": live.commit if live else None,
                "timings": live.timings if live else None,
                "stopped": project.stopped,
                "locked_by": project.locked_by,
                "processes": rows,
            },
        )
        return
    caller.print(f"{project.name} {f'v{live.release}' if live else '-'} {found.url}")
    if project.stopped:
        caller.print(f"It is stopped: ps:start {project.name}")
    if project.locked_by:
        caller.print(f"It is locked by {project.locked_by}: apps:unlock {project.name}")
    columns: dict[str, Cell] = {
        "PROCESS": lambda row: f"{row['process']}.{row['index']}",
        "HEALTH": "health",
        "SINCE": "since",
        "RESTARTS": "restarts",
        "MEMORY": lambda row: size(row["memory_bytes"]),
        "CPUS": lambda row: f"{row['cpus']:g}",
        "CONTAINER": lambda row: row["name"].partition(".")[2],
    }
    nothing = "" if project.stopped else "Nothing runs." if live else "It is not deployed yet."
    listing(caller, rows, columns, False, empty=nothing)
    for each in found.running:
        if each.starved:
            name = f"{each.container.process}.{each.container.index}"
            more = size(each.memory_bytes * 2)
            caller.print(
                f"{name} was out of memory at {size(each.memory_bytes)}: "
                f"resource:limit {project.name} --memory {more}"
            )


@command(
    "ps:scale",
    APP,
    click.Argument(["counts"], nargs=-1, metavar="[PROCESS=COUNT]..."),
    JSON,
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
)
async def ps_scale(caller: Caller, app: str, counts: tuple[str, ...], as_json: bool) -> int | None:
    """Run so many of each process: web=2 worker=1. Without counts, show them."""
    if counts:
        wanted = dict(_count(text) for text in counts)
        return await follow(
            caller, await processes.scale(caller.platform, caller.user, app, wanted)
        )
    formation = await processes.formation_of(caller.platform, caller.user, app)
    rows = [{"process": process, "count": count} for process, count in formation.items()]
    listing(caller, rows, {"PROCESS": "process", "COUNT": "count"}, as_json)
    return None


@command("ps:restart", APP, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def ps_restart(caller: Caller, app: str) -> int:
    """Replace an app's containers, with zero downtime."""
    return await follow(caller, await processes.restart(caller.platform, caller.user, app))


@command("ps:start", APP, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def ps_start(caller: Caller, app: str) -> int:
    """Run an app again that was stopped."""
    deployment = await processes.start(caller.platform, caller.user, app)
    if deployment is None:
        caller.print(f"{app} runs already: ps:restart {app} restarts it")
        return 0
    return await follow(caller, deployment)


@command("ps:stop", APP, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def ps_stop(caller: Caller, app: str) -> None:
    """End an app's processes: it serves nothing.

    It keeps its release."""
    if not await processes.stop(caller.platform, caller.user, app):
        caller.print(f"{app} is stopped already: ps:start {app} runs it again")
        return
    caller.print(f"=====> {app} is stopped: ps:start {app} runs it again")


@command("ps:rebuild", APP, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def ps_rebuild(caller: Caller, app: str) -> int:
    """Build what is live again, and run that."""
    return await follow(caller, await processes.rebuild(caller.platform, caller.user, app))


@command("ps:inspect", APP, section=SECTION, needs=Role.DEPLOYER)
async def ps_inspect(caller: Caller, app: str) -> None:
    """Print all about an app's containers, as data.

    Without any variable's value."""
    found = await processes.inspect(caller.platform, caller.user, app)
    print_json(
        caller,
        [
            _row(each.process)
            | {"image": each.image, "command": each.command, "variables": each.variables}
            | {"engine": asdict(each.process.status) if each.process.status else None}
            for each in found
        ],
    )


def size(size_bytes: int) -> str:
    """Bytes as docker writes them: 512m."""
    for unit, factor in (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)):
        if size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return str(size_bytes)


def _row(process: processes.Process) -> dict[str, Any]:
    status = process.status
    return asdict(process.container) | {
        "since": status.started_at if status and status.running else None,
        "restarts": status.restarts if status else None,
        "memory_bytes": process.memory_bytes,
        "cpus": process.cpus,
    }


def _count(text: str) -> tuple[str, int]:
    process, _, count = text.partition("=")
    if not process or not count.isascii() or not count.isdigit() or len(count) > 9:
        raise UsageError(f"{text[:60]!r} is no PROCESS=COUNT", "As in: ps:scale hello web=2")
    return process, int(count)
