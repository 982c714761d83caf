"""checks:*, when an app's web process counts as well."""

from dataclasses import asdict
from typing import Any

import click

from deployzero.errors import UsageError
from deployzero.models.access import Role
from deployzero.operations import checks
from deployzero.operations.checks import ChecksReport
from deployzero.ssh.commands.render import Cell, Row, listing
from deployzero.ssh.commands.tree import APP, JSON, Caller, command

SECTION = "Checks"
HIDDEN = ("name", "below")
PAIRS = click.Argument(["pairs"], nargs=-1, required=True, metavar="FIELD=value…")


@command("checks", APP, JSON, section=SECTION, needs=Role.VIEWER, aliases=("checks:report",))
async def report(caller: Caller, app: str, as_json: bool) -> None:
    """Show an app's checks, and where each part comes from."""
    _show(caller, await checks.report(caller.platform, caller.user, app), as_json)


@command("checks:set", APP, PAIRS, JSON, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def change(caller: Caller, app: str, pairs: tuple[str, ...], as_json: bool) -> None:
    """Set fields of the web process's check.

    As in: checks:set APP path=/up timeout=5

    Fields: path, timeout (seconds an answer may take), attempts (failed tries before a boot
    is given up), wait (seconds between two), content (text that the answer must hold),
    initial_delay (seconds), port. An empty value (path=) resets one; others stay. In force
    at once for what is live, and in each later boot.
    """
    given = dict(_pair(pair) for pair in pairs)
    _show(caller, await checks.change(caller.platform, caller.user, app, given), as_json)


@command(
    "checks:clear",
    APP,
    JSON,
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
    aliases=("checks:unset",),
)
async def clear(caller: Caller, app: str, as_json: bool) -> None:
    """Forget what was set by checks:set."""
    _show(caller, await checks.clear(caller.platform, caller.user, app), as_json)


@command("checks:disable", APP, JSON, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def disable(caller: Caller, app: str, as_json: bool) -> None:
    """Check nothing: a web process that runs counts as well."""
    _show(caller, await checks.disable(caller.platform, caller.user, app), as_json)


@command("checks:enable", APP, JSON, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def enable(caller: Caller, app: str, as_json: bool) -> None:
    """Check again, as it was before checks:disable."""
    _show(caller, await checks.enable(caller.platform, caller.user, app), as_json)


@command("checks:run", APP, JSON, section=SECTION, needs=Role.VIEWER)
async def run(caller: Caller, app: str, as_json: bool) -> int:
    """Run the checks once; exit with 1 if one fails.

    Against each live web container."""
    results = await checks.run(caller.platform, caller.user, app)
    listing(
        caller,
        [{**asdict(result), "passed": not result.failure} for result in results],
        {"PROCESS": "process", "CHECK": "check", "RESULT": _result},
        as_json,
        empty=f"Checks are disabled: checks:enable {app}",
    )
    return 1 if any(result.failure for result in results) else 0


def _result(row: Row) -> str:
    return row["failure"] or "passed"


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text[:60]!r} is no FIELD=value", "For example: path=/up timeout=5")
    return name.replace("-", "_"), value


def _show(caller: Caller, report: ChecksReport, as_json: bool) -> None:
    rows = [
        {
            "check": each.check.name,
            "field": name,
            "value": value,
            "from": each.sources[name],
            "disabled": report.disabled,
        }
        for each in report.checks
        for name, value in asdict(each.check).items()
        if name not in HIDDEN
    ]
    columns: dict[str, Cell] = {"FIELD": "field", "VALUE": _value, "FROM": "from"}
    if len(report.checks) > 1:
        columns = {"CHECK": "check", **columns}
    listing(caller, rows, columns, as_json)
    if as_json:
        return
    if report.disabled:
        caller.print(f"Checks are disabled: checks:enable {report.app}")
    elif not report.deployed:
        caller.print("Checks of its app.json will count once it is deployed.")


def _value(row: Row) -> Any:
    if row["value"] is None:
        return {"path": "(an open port is enough)", "port": "(the app's own)",
                "attempts": "(until the boot's limit)"}.get(row["field"], "-")  # fmt: skip
    return f"{row['value']:g}" if isinstance(row["value"], float) else row["value"]
