"""/apps/{name}: an app's releases, processes, domains and live log."""

import asyncio
import functools
import hashlib
from typing import Any

from starlette.responses import JSONResponse, RedirectResponse, Response

from deployzero.errors import ContainerError, DeployZeroException, NotFoundError
from deployzero.models.access import Role
from deployzero.models.deployment import UNFINISHED, Deployment, State, User
from deployzero.models.number import parse_number
from deployzero.models.runtime_log import RuntimeLine
from deployzero.operations import apps, builds, config, logs, processes, releases
from deployzero.operations.access import still_may
from deployzero.operations.apps import AppInfo
from deployzero.operations.events import recorded
from deployzero.operations.processes import Process, Processes
from deployzero.pages.page import Form, data, form, page
from deployzero.pages.rendering import render
from deployzero.pages.state import state_of
from deployzero.pages.streams import Events, EventStream, event, last_id, with_state
from deployzero.pages.visit import Visit

RELEASES, RECENT, LINES = 10, 10, 200
MOST_MISSED = 2000
"""Lines that a page which comes back is sent again at most."""
LOOK = 1.0
"""Seconds between two looks at what has changed."""
PATH = "/apps/{app}"


async def show(visit: Visit) -> Response:
    platform, user, app = visit.platform, visit.signed_in, visit.request.path_params["app"]
    info = await apps.app_info(platform, user, app)
    report, released, recent, variables, history, may_deploy = await asyncio.gather(
        processes.report(platform, user, app),
        releases.list_releases(platform, user, app, RELEASES),
        builds.list_builds(platform, user, app, RECENT),
        _config_names(visit, app),
        logs.recent(platform, user, app, LINES),
        still_may(platform, user, info.project.id, Role.DEPLOYER),
    )
    under_way = [each for each in recent if each.state in UNFINISHED]
    return render(
        visit, "app.html",
        app=info, state=_state(report, under_way), under_way=under_way,
        processes=[_shown(each) for each in report.running], releases=released,
        failed=_failed(recent), variables=variables, lines=history.lines, away=history.away,
        may_deploy=may_deploy, version=version(info, recent),
    )  # fmt: skip


async def usage(visit: Visit) -> Response:
    """What its processes use now."""
    user, app = visit.signed_in, visit.request.path_params["app"]
    return JSONResponse({"processes": await _usage(visit, user, app)})


async def follow(visit: Visit) -> Response:
    project = await apps.find(visit.platform, visit.signed_in, visit.request.path_params["app"])
    lines = _lines(visit, visit.signed_in, project.name)
    state = functools.partial(_version, visit, visit.signed_in, project.name)
    return EventStream(visit, project.name, project.id, with_state(lines, state, LOOK))


async def roll_back(visit: Visit, sent: Form) -> Response:
    platform, user, app = visit.platform, visit.signed_in, visit.request.path_params["app"]
    if (release := parse_number(sent.get("release", ""))) is None:
        raise NotFoundError(f"{app} has no such release", "Choose one from its page.")
    async with recorded(platform, user, action="rollback", app=app, detail=f"v{release}"):
        deployment_id = await releases.rollback(platform, user, app, release)
    return RedirectResponse(f"/apps/{app}/deployments/{deployment_id}", 303)


def _state(report: Processes, under_way: list[Deployment]) -> tuple[str, str]:
    """under_way: the newest first."""
    return state_of(
        [each.container for each in report.running],
        live=report.live is not None,
        stopped=report.project.stopped,
        under_way=under_way[-1].state if under_way else None,
    )


async def _version(visit: Visit, user: User, app: str, fresh: float) -> str:
    """Changes with what the page shows beside numbers and logs; the same for all who watch."""

    async def look() -> str:
        info = await apps.app_info(visit.platform, user, app)
        return version(info, await builds.list_builds(visit.platform, user, app, RECENT))

    return await visit.platform.looks.at(("app", app), look, fresh)


def version(info: AppInfo, recent: list[Deployment]) -> str:
    seen: list[Any] = [info.project.stopped, info.project.locked_by, info.domains]
    seen += [(each.id, each.state.value, each.release) for each in recent]
    seen += [(each.name, each.health) for each in info.processes]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


async def _usage(visit: Visit, user: User, app: str) -> list[dict[str, Any]]:
    """Nothing while the engine is away."""
    try:
        measured = await processes.usage(visit.platform, user, app)
    except ContainerError:
        return []
    return [
        {"name": f"{each.process}.{each.index}", "cpus": each.cpus, "memory": each.memory_bytes}
        for each in measured
    ]


def _shown(process: Process) -> dict[str, Any]:
    row = process.container
    return {
        "name": f"{row.process}.{row.index}",
        "status": _status(process),
        "restarts": process.status.restarts if process.status else 0,
        "started_at": process.status.started_at if process.status else None,
        "memory": process.memory_bytes,
        "cpus": process.cpus,
    }


def _status(process: Process) -> str:
    """The row's health; the engine knows sooner when it is down."""
    if process.status is not None and process.status.restarting:
        return "restarting"
    return process.container.health


def _failed(recent: list[Deployment]) -> Deployment | None:
    """The last deployment, if it failed."""
    ended = [each for each in recent if each.state not in UNFINISHED]
    return ended[0] if ended and ended[0].state is State.ERROR else None


async def _config_names(visit: Visit, app: str) -> list[str] | None:
    """None: they cannot be read."""
    try:
        found = await config.show(visit.platform, visit.signed_in, app)
    except NotFoundError:
        raise
    except DeployZeroException:  # a secret.key that does not fit
        return None
    return [each.name for each in found]


async def _lines(visit: Visit, user: User, app: str) -> Events:
    seen = last_id(visit)
    async for batch in logs.follow(visit.platform, user, app, MOST_MISSED if seen else LINES):
        for line in batch:
            if isinstance(line, RuntimeLine):
                if line.at > seen:
                    yield event("line", {"source": line.source, "text": line.text}, line.at)
            else:
                yield event("skipped", {"lines": line.lines})


ROUTES = (
    page(PATH, show),
    data(f"{PATH}/usage", usage),
    data(f"{PATH}/log/stream", follow),
    form(f"{PATH}/rollback", roll_back),
)
