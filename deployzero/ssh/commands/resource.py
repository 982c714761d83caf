"""resource:*: how much memory and CPU an app's processes may use."""

import click

from deployzero.errors import UsageError
from deployzero.models.access import Role
from deployzero.models.release import Limits
from deployzero.operations import processes
from deployzero.ssh.commands.follow import follow
from deployzero.ssh.commands.ps import SECTION, size
from deployzero.ssh.commands.render import Cell, listing
from deployzero.ssh.commands.tree import APP, JSON, Caller, command

TYPE = click.Option(["--process-type", "process"], default="", metavar="NAME", help="Not all.")


@command(
    "resource:limit",
    APP,
    click.Option(["--memory"], metavar="SIZE", help="As 256m or 1g."),
    click.Option(["--cpus", "--cpu", "cpus"], type=float, help="In cores, as 0.5 or 2."),
    TYPE,
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
)
async def resource_limit(
    caller: Caller, app: str, memory: str | None, cpus: float | None, process: str
) -> int:
    """Limit a process's memory and CPUs.

    By a restart with zero downtime."""
    if memory is None and cpus is None:
        raise UsageError("there is no limit given", "Give --memory 256m, --cpus 0.5, or both.")
    limits = Limits(memory, cpus)
    deployment = await processes.set_limits(caller.platform, caller.user, app, process, limits)
    return await follow(caller, deployment)


@command("resource:limit-clear", APP, TYPE, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def resource_limit_clear(caller: Caller, app: str, process: str) -> int:
    """Let the server's default limits hold again."""
    deployment = await processes.set_limits(
        caller.platform, caller.user, app, process, Limits(), reset=True
    )
    return await follow(caller, deployment)


@command("resource:report", APP, JSON, section=SECTION, needs=Role.VIEWER, aliases=("resource",))
async def resource_report(caller: Caller, app: str, as_json: bool) -> None:
    """Show the limits of each process."""
    found = await processes.limits(caller.platform, caller.user, app)
    rows = [
        {
            "process": each.process,
            "memory": size(each.memory_bytes),
            "cpus": each.cpus,
            "memory_set": each.own.memory is not None,
            "cpus_set": each.own.cpus is not None,
        }
        for each in found
    ]
    columns: dict[str, Cell] = {
        "PROCESS": "process",
        "MEMORY": lambda row: f"{row['memory']}{'' if row['memory_set'] else ' (default)'}",
        "CPUS": lambda row: f"{row['cpus']:g}{'' if row['cpus_set'] else ' (default)'}",
    }
    listing(caller, rows, columns, as_json)
