"""/apps/{name}/deployments/{id}: one deployment, its stages and its log as it comes."""

from collections import deque
from contextlib import aclosing
from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response, StreamingResponse

from deployzero.errors import NotFoundError
from deployzero.models.access import Role
from deployzero.models.deployment import UNFINISHED, Deployment, State
from deployzero.models.number import parse_number
from deployzero.models.release import BUILDS
from deployzero.operations import builds, changes
from deployzero.operations.access import still_may
from deployzero.operations.events import recorded
from deployzero.pages.page import Form, data, form, page
from deployzero.pages.rendering import render
from deployzero.pages.streams import Events, EventStream, event, last_id, with_state
from deployzero.pages.visit import Visit

LINES = 2000
LOOK = 0.3
"""Seconds between two looks at its state."""
PATH = "/apps/{app}/deployments/{deployment}"
LAST = 3
"""Place of the last step: Queued, Build, Start, Live."""
PLACE = {State.CREATED: 0, State.BUILDING: 1, State.DEPLOYING: 2, State.LIVE: 3, State.RETIRED: 3}
PARTS = {
    "receive": 0, "checkout": 0, "detect": 1, "wait": 1, "build": 1, "boot": 2, "switch": 2,
}  # fmt: skip
"""Which step each timed stage belongs to."""


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    state: str
    """done, now, failed or open."""
    parts: tuple[tuple[str, float], ...]
    """Stages with their seconds."""


async def show(visit: Visit) -> Response:
    deployment = await _find(visit)
    lines: deque[str] = deque(maxlen=LINES)
    count = 0
    async for line in builds.output(visit.platform, visit.signed_in, deployment.app, deployment.id):
        lines.append(line)
        count += 1
    may = await still_may(visit.platform, visit.signed_in, deployment.project_id, Role.DEPLOYER)
    under_way = deployment.state in UNFINISHED
    return render(
        visit, "deployment.html",
        deployment=deployment, steps=steps(deployment), lines=lines, count=count,
        under_way=under_way, may_cancel=may and under_way,
        url=visit.platform.settings.url(deployment.app),
    )  # fmt: skip


async def follow(visit: Visit) -> Response:
    deployment = await _find(visit)
    events = _events(visit, deployment)
    return EventStream(visit, deployment.app, deployment.project_id, events)


async def whole_log(visit: Visit) -> Response:
    deployment = await _find(visit)

    async def text() -> Events:
        async for line in builds.output(
            visit.platform, visit.signed_in, deployment.app, deployment.id
        ):
            yield f"{line}\n"

    return StreamingResponse(text(), media_type="text/plain; charset=utf-8")


async def cancel(visit: Visit, _: Form) -> Response:
    deployment = await _find(visit)
    app, number = deployment.app, deployment.id
    async with recorded(
        visit.platform, visit.signed_in, action="builds:cancel", app=app, detail=str(number)
    ):
        await builds.cancel(visit.platform, visit.signed_in, app, number)
    return RedirectResponse(f"/apps/{app}/deployments/{number}", 303)


def steps(deployment: Deployment) -> list[Step]:
    """Its way to live, and how far it has come."""
    ended = deployment.state in (State.ERROR, State.CANCELLED)
    timed = deployment.timings
    reached = PLACE.get(deployment.state)
    if reached is None:  # it ended in the last step of which there is a time
        reached = max((PARTS[name] for name in timed if name in PARTS), default=0)
        reached = max(reached, 1) if deployment.started_at else 0
    found = []
    second = "Build" if deployment.kind in BUILDS else "Prepare"
    for place, name in enumerate(("Queued", second, "Start", "Live")):
        parts = tuple((p, timed[p]) for p, at in PARTS.items() if at == place and p in timed)
        found.append(Step(name, _state(place, reached, ended), parts))
    return found


def _state(place: int, reached: int, ended: bool) -> str:
    if place < reached or (place == reached == LAST):
        return "done"
    if place > reached:
        return "open"
    return "failed" if ended else "now"


async def _find(visit: Visit) -> Deployment:
    """Raises NotFoundError."""
    app, text = visit.request.path_params["app"], visit.request.path_params["deployment"]
    if (number := parse_number(text)) is None:
        raise NotFoundError("there is no such deployment", "Look at its app's.")
    return await builds.find(visit.platform, visit.signed_in, app, number)


async def _events(visit: Visit, deployment: Deployment) -> Events:
    """Lines as they come, the state whenever it changes, then the end."""

    async def look() -> str:
        return (await _find(visit)).state.value

    async def state(fresh: float) -> str:
        return await visit.platform.looks.at(("deployment", deployment.id), look, fresh)

    async with aclosing(with_state(_lines(visit, deployment), state, LOOK)) as events:
        async for each in events:
            yield each
    yield event("end", {"reason": ""})


async def _lines(visit: Visit, deployment: Deployment) -> Events:
    since = parse_number(last_id(visit)) or 0
    async for lines in changes.follow_lines(visit.platform, deployment.id, since):
        for line in lines:
            yield event("line", {"text": line.text}, line.seq)


ROUTES = (
    page(PATH, show),
    page(f"{PATH}/log.txt", whole_log),
    data(f"{PATH}/stream", follow),
    form(f"{PATH}/cancel", cancel),
)
