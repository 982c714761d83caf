"""domains:*, the host names that an app answers to beside its own."""

from typing import Any

import click

from deployzero.models.access import Role
from deployzero.models.domains import WILDCARD, shown
from deployzero.operations import domains
from deployzero.operations.domains import DomainReport
from deployzero.ssh.commands.render import listing
from deployzero.ssh.commands.tree import APP, JSON, Caller, command

SECTION = "Domains"
NAMES = click.Argument(["names"], nargs=-1, required=True, metavar="NAME…")


@command("domains", APP, JSON, section=SECTION, needs=Role.VIEWER, aliases=("domains:report",))
async def report(caller: Caller, app: str, as_json: bool) -> None:
    """List the host names that an app answers to."""
    _list(caller, await domains.report(caller.platform, caller.user, app), as_json)


@command("domains:add", APP, NAMES, JSON, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def add(caller: Caller, app: str, names: tuple[str, ...], as_json: bool) -> None:
    """Let an app answer to more names.

    At once, without a new release.

    *.example.com is every name right below example.com.
    """
    _tell(caller, await domains.add(caller.platform, caller.user, app, names), as_json)


@command("domains:remove", APP, NAMES, JSON, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def remove(caller: Caller, app: str, names: tuple[str, ...], as_json: bool) -> None:
    """Take names away from an app."""
    _tell(caller, await domains.remove(caller.platform, caller.user, app, names), as_json)


@command("domains:set", APP, NAMES, JSON, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def replace(caller: Caller, app: str, names: tuple[str, ...], as_json: bool) -> None:
    """Make these names all that an app has beside its own."""
    _tell(caller, await domains.replace(caller.platform, caller.user, app, names), as_json)


@command("domains:clear", APP, JSON, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def clear(caller: Caller, app: str, as_json: bool) -> None:
    """Leave an app its own host name alone."""
    _tell(caller, await domains.clear(caller.platform, caller.user, app), as_json)


def _list(caller: Caller, report: DomainReport, as_json: bool) -> None:
    listing(caller, _rows(report), {"NAME": "name", "IN LETTERS": "shown", "KIND": "kind"}, as_json)


def _tell(caller: Caller, report: DomainReport, as_json: bool) -> None:
    """What has changed, and what is still to be done; with --json what there is now."""
    if as_json:
        _list(caller, report, as_json)
        return
    for name in report.removed:
        caller.print(f"-----> Removed {_both(name)}")
    for name in report.added:
        caller.print(f"-----> Added {_both(name)}")
    if not report.added and not report.removed:
        caller.print(f"Nothing to change: `domains {report.app}` shows what it has.")
    elif not report.live:
        caller.print(f"       In force once {report.app} runs.")
    if report.added:
        server = report.server or "this server's address"
        caller.print(f"       Point an A or CNAME record for each to {server}:")
        for name in report.added:
            caller.print(f"       {name}")


def _rows(report: DomainReport) -> list[dict[str, Any]]:
    own = {"name": report.host, "shown": report.host, "kind": "own"}
    return [
        own,
        *(
            {
                "name": name,
                "shown": shown(name),
                "kind": "wildcard" if name.startswith(WILDCARD) else "name",
            }
            for name in report.names
        ),
    ]


def _both(name: str) -> str:
    letters = shown(name)
    return name if letters == name else f"{letters} ({name})"
