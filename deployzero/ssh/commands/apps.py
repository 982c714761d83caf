"""apps:*, and the state of an app's processes."""

from dataclasses import asdict
from typing import Any

from deployzero.models.access import Role
from deployzero.operations import apps
from deployzero.ssh.commands.render import Row, listing, print_json
from deployzero.ssh.commands.tree import APP, JSON, Caller, command

SECTION = "Apps"


@command("apps:list", JSON, section=SECTION, needs=Role.MEMBER, aliases=("apps",))
async def apps_list(caller: Caller, as_json: bool) -> None:
    """List your apps, what is live and how it is."""
    listed = await apps.list_apps(caller.platform, caller.user)
    listing(
        caller,
        [_state(app) for app in listed],
        {"APP": "name", "RELEASE": _release, "PROCESSES": _health, "URL": "url"},
        as_json,
        empty="There is no app yet: git push deployzero main makes one.",
    )


@command("ps", APP, JSON, section="Processes", needs=Role.VIEWER, aliases=("ps:report",))
async def ps(caller: Caller, app: str, as_json: bool) -> None:
    """Show an app's processes and whether they are healthy."""
    state = _state(await apps.app_state(caller.platform, caller.user, app))
    if as_json:
        print_json(caller, state)
        return
    caller.print(f"{state['name']} {_release(state)} {state['url']}")
    for process in state["processes"]:
        caller.print(f"  {process['process']}.{process['index']}  {process['health']}")


def _release(app: Row) -> str:
    return f"v{app['release']}" if app["release"] else "-"


def _health(app: Row) -> str:
    if app["release"] is None:
        return "not deployed"
    return ", ".join(f"{p['process']}.{p['index']} {p['health']}" for p in app["processes"])


def _state(app: apps.AppState) -> dict[str, Any]:
    return {
        "name": app.name,
        "url": app.url,
        "release": app.live.release if app.live else None,
        "commit": app.live.commit if app.live else None,
        "timings": app.live.timings if app.live else None,
        "processes": [asdict(process) for process in app.processes],
    }
