"""The switch: which release the proxy sends an app's requests to."""

import asyncio
import logging

from deployzero.deploy.platform import Platform
from deployzero.errors import RoutingError
from deployzero.routing.route import Route

logger = logging.getLogger(__name__)

SWITCH_LIMIT = 10.0
RESTORE_LIMIT = 3.0


async def switch(platform: Platform, route: Route, path: str) -> int:
    """Route to new containers; returns what the app answered once that is in force.

    Raises RoutingError when the proxy does not take the route, or gets no answer.
    """
    await asyncio.to_thread(platform.proxy.routes.write, route)
    return (await platform.proxy.prove(route, path, SWITCH_LIMIT)).status


async def restore(platform: Platform, route: Route) -> None:
    """Put an app's route back, and wait until it is in force unless the app is down."""
    if await asyncio.to_thread(platform.proxy.routes.read, route.app) == route:
        return
    await asyncio.to_thread(platform.proxy.routes.write, route)
    try:
        await platform.proxy.prove(route, "/", RESTORE_LIMIT)
    except RoutingError as error:
        logger.warning("the route of %s was put back, but: %s", route.app, error.message)


async def remove(platform: Platform, app: str) -> None:
    """Take an app's route away; returns once it is out of force."""
    if app not in await asyncio.to_thread(platform.proxy.routes.apps):
        return
    await asyncio.to_thread(platform.proxy.routes.remove, app)
    try:
        await platform.proxy.prove_gone(app, RESTORE_LIMIT)
    except RoutingError as error:
        logger.warning("the route of %s was removed, but: %s", app, error.message)
