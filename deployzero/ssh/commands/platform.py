"""backup, report, cleanup: the server as a whole."""

import datetime as dt
from dataclasses import asdict
from typing import Any

import click

from deployzero.errors import UsageError
from deployzero.models.access import Role
from deployzero.models.deployment import Deployment
from deployzero.operations import report
from deployzero.operations.backup import backup
from deployzero.operations.cleanup import cleanup
from deployzero.operations.report import AppReport, ServerReport
from deployzero.ssh.commands.render import Cell, Row, fields, listing, print_json
from deployzero.ssh.commands.tree import JSON, Caller, command

SECTION = "Platform"
MAYBE_APP = click.Argument(["app"], required=False)
QUEUE = {"APP": "app", "KIND": "kind", "STATE": "state", "BY": "user_name", "SINCE": "created_at"}


@command(
    "backup",
    click.Option(["--no-keys"], is_flag=True, help="Leave out secret.key and the host key."),
    section=SECTION,
    needs=Role.ADMIN,
    changes=True,
    ends_with_client=True,
)
async def make_backup(caller: Caller, no_keys: bool) -> int:
    """Write a backup of the server to standard output.

    `ssh … backup > backup.tar`; `deployzero restore backup.tar` brings it back. Database, keys
    and repositories are in it, the apps' own output is not. With the keys the file opens every
    config variable: keep it safe.
    """
    if caller.streams.terminal is not None:
        raise UsageError("a backup is not for a terminal", "ssh … backup > backup.tar, without -t")
    done = await backup(caller.platform, caller.user, caller.streams.stdout, not no_keys)
    for failure in done.failures:
        caller.streams.stderr.write(f" !     not in the backup: {failure}\n")
    caller.streams.stderr.write(
        f"=====> {done.bytes >> 10} kB: {done.rows} rows, {done.repositories} repositories"
        f"{', no keys' if no_keys else ''}\n"
    )
    return 1 if done.failures else 0


@command("report", MAYBE_APP, JSON, section=SECTION, needs=Role.VIEWER)
async def show_report(caller: Caller, app: str | None, as_json: bool) -> None:
    """Show all about an app on one page, or about the server.

    About the server without a name, for admins. For a bug report: there is no secret in it.
    """
    if app is None:
        _server(caller, await report.report_server(caller.platform, caller.user), as_json)
    else:
        _app(caller, await report.report_app(caller.platform, caller.user, app), as_json)


def _server(caller: Caller, found: ServerReport, as_json: bool) -> None:
    if as_json:
        lists = {"queue": found.queue, "failures": found.failures}
        plain = {name: [report.plain(each) for each in rows] for name, rows in lists.items()}
        print_json(caller, asdict(found) | plain)
        return
    caller.print(f"=====> deployzero {found.deployzero}")
    values: dict[str, Any] = {
        "up_since": f"{found.up_since:%Y-%m-%d %H:%M:%S} UTC ({_ago(found.up_since)})",
        "memory": f"{found.memory_bytes >> 20} MB",
        "load": f"{' '.join(map(str, found.load))} on {found.cpus} CPUs",
        "engine": found.engine,
        "proxy": found.proxy,
        "database": found.database + _database_size(found.database_bytes),
        "disk_free": f"{_gb(found.disk_free_bytes)} of {_gb(found.disk_bytes)}",
        "data_folder": found.data_dir,
        "domain": found.domain,
        "ports": found.ports,
        "base_images": found.base_images,
        "in_use": found.base_images_ready,
        "instance": found.instance,
        "python": found.python,
        "apps": ", ".join(f"{count} {name}" for name, count in found.apps.items()),
        "queue": len(found.queue),
    }
    fields(caller, values, False)
    if found.queue:
        caller.print("\n-----> Waiting and under way")
        listing(caller, [report.plain(each) for each in found.queue], QUEUE, False)
    if found.failures:
        caller.print("\n-----> Last failures")
        columns = {"WHEN": "finished_at", "APP": "app", "KIND": "kind", "REASON": "reason"}
        listing(caller, [report.plain(each) for each in found.failures], columns, False)


def _app(caller: Caller, found: AppReport, as_json: bool) -> None:
    project, live = found.info.project, found.info.live
    values: dict[str, Any] = {
        "name": project.name,
        "owner": found.info.owner,
        "url": found.info.url,
        "domains": found.info.domains,
        "deploy_branch": project.deploy_branch,
        "release": live.release if live else None,
        "commit": live.commit if live else None,
        "deployed_at": live.finished_at if live else None,
        "deployed_by": live.user_name if live else None,
        "stack": _stack(live),
        "formation": project.formation,
        "limits": project.limits,
        "checks_disabled": found.checks.disabled,
        "stopped": project.stopped,
        "locked_by": project.locked_by,
        "created_at": project.created_at,
    }
    failure = report.plain(found.failure) if found.failure else None
    if as_json:
        more = {
            "processes": [asdict(each) for each in found.processes],
            "checks": [asdict(each) for each in found.checks.checks],
            "queue": [report.plain(each) for each in found.queue],
            "failure": failure,
        }
        print_json(caller, values | more)
        return
    if failure:
        values["last_failure"] = f"{failure['finished_at']:%Y-%m-%d %H:%M:%S} {failure['reason']}"
    caller.print(f"=====> {project.name}")
    fields(caller, values, False)
    if found.processes:
        caller.print("\n-----> Processes")
        listing(caller, [asdict(each) for each in found.processes], PROCESSES, False)
    if found.queue:
        caller.print("\n-----> Waiting and under way")
        listing(caller, [report.plain(each) for each in found.queue], QUEUE, False)


def _process(row: Row) -> str:
    return f"{row['container']['process']}.{row['container']['index']}"


def _restarts(row: Row) -> object:
    return row["status"]["restarts"] if row["status"] else None


PROCESSES: dict[str, Cell] = {
    "PROCESS": _process,
    "HEALTH": lambda row: row["container"]["health"],
    "RESTARTS": _restarts,
    "MEMORY": lambda row: f"{row['memory_bytes'] >> 20}m",
    "CPUS": "cpus",
}


def _stack(live: Deployment | None) -> str | None:
    config = (live.config if live else None) or {}
    names = (config.get(name) for name in ("type", "framework", "runtime_version"))
    return " ".join(name for name in names if name) or None


def _database_size(size: int | None) -> str:
    return "" if size is None else f", {size >> 20} MB"


def _gb(size: int) -> str:
    return f"{size / (1 << 30):.1f} GB"


def _ago(moment: dt.datetime) -> str:
    minutes = int((dt.datetime.now(dt.UTC) - moment).total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    return f"{days}d {hours}h {minutes % 60}m"


@command(
    "cleanup",
    click.Option(["--dry-run"], is_flag=True, help="Only say what would go."),
    JSON,
    section=SECTION,
    needs=Role.ADMIN,
    changes=True,
)
async def clean_up(caller: Caller, dry_run: bool, as_json: bool) -> int:
    """Remove images and containers that nothing needs.

    And networks, routes and checkouts. Those of failed builds, say. Only what is deployzero's
    own is ever touched.
    """
    found = await cleanup(caller.platform, caller.user, dry_run)
    failed = [each for each in found if each.failure]
    if as_json:
        print_json(caller, [asdict(each) for each in found])
        return 1 if failed else 0
    for each in found:
        size = f" ({each.bytes >> 20} MB with shared layers)" if each.bytes else ""
        why = f": still there, {each.failure}" if each.failure else ""
        caller.print(f"       {each.kind} {each.name}{size}{why}")
    done = "would be removed" if dry_run else "removed"
    caller.print(f"=====> {len(found) - len(failed)} {done}")
    return 1 if failed else 0
