"""An app's route: which hosts go to which of its containers. One writer at a time an app."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import WEB
from deployzero.deploy.shielded import shielded
from deployzero.errors import RoutingError
from deployzero.models.deployment import Container
from deployzero.models.domains import is_at_or_below
from deployzero.routing.route import Route
from deployzero.store import containers, deployments, domains, projects

logger = logging.getLogger(__name__)

SWITCH_LIMIT = 10.0
RESTORE_LIMIT = 3.0
T = TypeVar("T")
Backends = tuple[tuple[str, int], ...]


@asynccontextmanager
async def held(platform: Platform, app: str) -> AsyncIterator[None]:
    """Nobody else writes the app's route inside: a deployment holds it from its switch to its
    commit point, so that nobody points it back in between."""
    lock = platform.route_locks.setdefault(app, asyncio.Lock())
    async with lock:
        yield


async def switch(
    platform: Platform, app: str, project_id: int, rows: Iterable[Container], path: str | None
) -> int:
    """Route to these containers, for one who holds it; returns what the app answered (0: it
    was not asked, or there is no web process: the proxy says 503) once that is in force.

    path: to ask the app for; None: to ask the proxy alone. Raises RoutingError when the
    proxy does not take the route, or gets no answer.
    """
    route = await _route(platform, app, project_id, _backends(rows))
    await _written(platform.proxy.routes.write, route)
    asked = path if route.backends else None
    return (await platform.proxy.prove(route, asked, SWITCH_LIMIT)).status


async def _written(write: Callable[[T], None], what: T) -> None:
    """Who holds the route lets go of it only once the thread has written."""
    await shielded(asyncio.to_thread(write, what))


async def set_hosts(platform: Platform, project_id: int) -> None:
    """Let the app's route, if it has one, answer to its domains as they are stored now.

    While it is renamed it may have one of either name. Returns once that is in force.
    Raises RoutingError when the proxy does not take it.
    """
    for name in await _names(platform, project_id):
        await _set_hosts(platform, name, project_id)


async def _names(platform: Platform, project_id: int) -> list[str]:
    async with platform.database.read() as session:
        project = await projects.by_id(session, project_id)
    if project is None:
        return []
    return [name for name in (project.name, project.previous_name) if name]


async def _set_hosts(platform: Platform, app: str, project_id: int) -> None:
    async with held(platform, app):
        there = await asyncio.to_thread(platform.proxy.routes.read, app)
        if there is None:
            return
        route = await _route(platform, app, project_id, there.backends)
        if route == there:
            return
        await _written(platform.proxy.routes.write, route)
        await platform.proxy.prove(route, None, SWITCH_LIMIT)


async def restore(platform: Platform, app: str, project_id: int) -> None:
    """Route to what the rows say that is live, and wait until it is in force unless it is down.

    To nowhere, which is a 503, while it is stopped or has no web process.
    """
    async with held(platform, app):
        if app not in await _names(platform, project_id):  # it may be another app's by now
            return
        backends = await _live_backends(platform, project_id)
        if backends is None:
            await _remove(platform, app)
            return
        route = await _route(platform, app, project_id, backends)
        if await asyncio.to_thread(platform.proxy.routes.holds, route):
            return
        await _written(platform.proxy.routes.write, route)
        try:
            await platform.proxy.prove(route, "/" if backends else None, RESTORE_LIMIT)
        except RoutingError as error:
            logger.warning("the route of %s was put back, but: %s", app, error.message)


async def remove(platform: Platform, app: str) -> None:
    """Take an app's route away; returns once it is out of force."""
    async with held(platform, app):
        await _remove(platform, app)


async def _remove(platform: Platform, app: str) -> None:
    if app not in await asyncio.to_thread(platform.proxy.routes.apps):
        return
    await _written(platform.proxy.routes.remove, app)
    try:
        await platform.proxy.prove_gone(app, RESTORE_LIMIT)
    except RoutingError as error:
        logger.warning("the route of %s was removed, but: %s", app, error.message)


async def _live_backends(platform: Platform, project_id: int) -> Backends | None:
    """None: nothing is live, so that it has no route at all."""
    async with platform.database.read() as session:
        project = await projects.get(session, project_id)
        live = await deployments.live(session, project_id)
        if live is None:
            return None
        if project.stopped:
            return ()
        return _backends(await containers.of_deployment(session, live.id))


def _backends(rows: Iterable[Container]) -> Backends:
    return tuple((row.address, row.port) for row in rows if row.process == WEB)


async def _route(platform: Platform, app: str, project_id: int, backends: Backends) -> Route:
    """With a marker of its own for each set of hosts and containers, which proves it."""
    async with platform.database.read() as session:
        names = await domains.of_project(session, project_id)
    # DOMAIN may have changed since: what is below it belongs to the app of that name.
    own = platform.settings.domain
    hosts = (
        platform.settings.host(app),
        *(name for name in names if not is_at_or_below(name, own)),
    )
    places = (f"{address}:{port}" for address, port in backends)
    marker = platform.derive("marker", app, *hosts, *places)[:16]
    return Route(app=app, hosts=hosts, backends=backends, marker=marker)
