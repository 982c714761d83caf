"""apps:*: what there is, and its names, locks and end."""

from dataclasses import asdict
from itertools import groupby
from typing import Any

import click

from deployzero.errors import UsageError
from deployzero.models.access import Role
from deployzero.models.deployment import Container
from deployzero.operations import apps
from deployzero.ssh.commands.follow import follow
from deployzero.ssh.commands.render import Row, fields, listing
from deployzero.ssh.commands.tree import APP, JSON, Caller, command
from deployzero.ssh.streams import ask

SECTION = "Apps"
MOST_LISTED = 3
"""Of one process; the line of more only counts them."""
NAME = click.Argument(["app"], metavar="NAME")


@command("apps:list", JSON, section=SECTION, needs=Role.MEMBER, aliases=("apps",))
async def apps_list(caller: Caller, as_json: bool) -> None:
    """List your apps, what is live and how it is."""
    listed = await apps.list_apps(caller.platform, caller.user)
    listing(
        caller,
        [_line(app) for app in listed],
        {"APP": "name", "RELEASE": release_of, "PROCESSES": health_of, "URL": "url"},
        as_json,
        empty="There is no app yet: git push deployzero main makes one.",
    )


@command("apps:create", NAME, section=SECTION, needs=Role.MEMBER, changes=True)
async def apps_create(caller: Caller, app: str) -> None:
    """Make an app, yours, with nothing deployed."""
    await apps.create(caller.platform, caller.user, app)
    caller.print(f"=====> {app} is made: push to it.")
    caller.print(f"       git remote add deployzero {caller.platform.settings.git_remote(app)}")


@command("apps:info", APP, JSON, section=SECTION, needs=Role.VIEWER, aliases=("apps:report",))
async def apps_info(caller: Caller, app: str, as_json: bool) -> None:
    """Show all about an app: owner, addresses, what is live."""
    info = await apps.app_info(caller.platform, caller.user, app)
    live, project = info.live, info.project
    values: dict[str, Any] = {
        "name": project.name,
        "owner": info.owner,
        "url": info.url,
        "domains": list(info.domains),
        "git_remote": info.git_remote,
        "deploy_branch": project.deploy_branch,
        "release": live.release if live else None,
        "commit": live.commit if live else None,
        "deployed_by": live.user_name if live else None,
        "deployed_at": live.finished_at if live else None,
        "processes": {f"{row.process}.{row.index}": row.health for row in info.processes},
        "locked_by": project.locked_by,
        "stopped": project.stopped,
        "created_at": project.created_at,
    }
    if as_json:
        values["processes"] = [asdict(row) for row in info.processes]
    fields(caller, values, as_json)


@command("apps:url", APP, section=SECTION, needs=Role.VIEWER)
async def apps_url(caller: Caller, app: str) -> None:
    """Print where an app answers."""
    caller.print((await apps.app_info(caller.platform, caller.user, app)).url)


@command("apps:exists", APP, section=SECTION, needs=Role.VIEWER)
async def apps_exists(caller: Caller, app: str) -> None:
    """Exit with 0 if the app is there, else with 1."""
    await apps.find(caller.platform, caller.user, app)


@command(
    "apps:rename",
    APP,
    click.Argument(["name"], metavar="NEW-NAME"),
    section=SECTION,
    needs=Role.OWNER,
    changes=True,
)
async def apps_rename(caller: Caller, app: str, name: str) -> int:
    """Give an app another name and address.

    With zero downtime."""
    project_id, deployment = await apps.rename_app(caller.platform, caller.user, app, name)
    code = await follow(caller, deployment) if deployment is not None else 0
    now, why_not = await apps.finish_rename(caller.platform, project_id)
    if why_not:
        other = app if now == name else name
        caller.print(f"       The name {other} is not free yet: {why_not}")
    if now != name:
        caller.print(f" !     {app} keeps its name, and serves at its old address as before")
        return code or 1
    caller.print(f"=====> {app} is {name} now: {caller.platform.settings.url(name)}")
    caller.print(
        f"       git remote set-url deployzero {caller.platform.settings.git_remote(name)}"
    )
    return 0


@command(
    "apps:destroy",
    APP,
    click.Option(["--confirm"], metavar="NAME", help="Its name again, instead of a question."),
    click.Option(["--force"], is_flag=True, help="Ask nothing."),
    section=SECTION,
    needs=Role.OWNER,
    changes=True,
)
async def apps_destroy(caller: Caller, app: str, confirm: str | None, force: bool) -> None:
    """Remove an app with all that it has, for good.

    Its containers, images, config and repository."""
    await apps.check_destroy(caller.platform, caller.user, app)
    if not force and confirm is None:
        caller.streams.stderr.write(
            f" !     This removes {app} with its containers, images, config and repository.\n"
        )
        confirm = await ask(caller.streams, f"       To go on, type its name ({app}):")
    if not force and (confirm or "").strip() != app:
        raise UsageError(
            f"{app} is not destroyed: its name was not confirmed",
            f"Type it when asked, or give it: apps:destroy {app} --confirm {app}",
        )
    caller.print(f"-----> Destroying {app}")
    await caller.streams.stdout.drain()
    await apps.destroy_app(caller.platform, caller.user, app)
    caller.print(f"=====> {app} is destroyed")


@command("apps:lock", APP, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def apps_lock(caller: Caller, app: str) -> None:
    """Refuse new releases: pushes, config changes, rollbacks."""
    await apps.lock(caller.platform, caller.user, app)
    caller.print(f"=====> {app} is locked: no new release until apps:unlock {app}")


@command("apps:unlock", APP, section=SECTION, needs=Role.DEPLOYER, changes=True)
async def apps_unlock(caller: Caller, app: str) -> None:
    """Allow new releases again."""
    await apps.unlock(caller.platform, caller.user, app)
    caller.print(f"=====> {app} is unlocked")


@command("apps:locked", APP, section=SECTION, needs=Role.VIEWER)
async def apps_locked(caller: Caller, app: str) -> int:
    """Tell who locked an app; exit with 1 if nobody did."""
    project = await apps.find(caller.platform, caller.user, app)
    caller.print(f"locked by {project.locked_by}" if project.locked_by else "not locked")
    return 0 if project.locked_by else 1


def release_of(app: Row) -> str:
    return f"v{app['release']}" if app["release"] else "-"


def health_of(app: Row) -> str:
    if app["release"] is None:
        return "not deployed"
    if app["stopped"]:
        return "stopped"
    rows = sorted(app["processes"], key=lambda row: (row["process"] != "web", row["process"]))
    found = groupby(rows, key=lambda row: row["process"])
    return ", ".join(_health(process, list(group)) for process, group in found) or "none"


def _health(process: str, rows: list[Row]) -> str:
    """One by one as long as that reads well."""
    if len(rows) > MOST_LISTED:
        return f"{process} {sum(row['health'] == 'healthy' for row in rows)}/{len(rows)} healthy"
    rows = sorted(rows, key=lambda row: row["index"])
    return ", ".join(f"{process}.{row['index']} {row['health']}" for row in rows)


def _line(app: apps.AppState) -> dict[str, Any]:
    return {
        "name": app.project.name,
        "url": app.url,
        "release": app.live.release if app.live else None,
        "commit": app.live.commit if app.live else None,
        "deployed_at": app.live.finished_at if app.live else None,
        "locked_by": app.project.locked_by,
        "stopped": app.project.stopped,
        "processes": [_process(row) for row in app.processes],
    }


def _process(row: Container) -> dict[str, Any]:
    return {"process": row.process, "index": row.index, "health": row.health}
