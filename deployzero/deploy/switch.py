"""The switch: requests go to the new containers, and the proxy itself has shown it."""

from collections.abc import Sequence

from deployzero.deploy import routes
from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import checks
from deployzero.deploy.release import Release
from deployzero.errors import ContainerError, RoutingError
from deployzero.models.deployment import Container
from deployzero.store import containers

TAIL = 50


async def switch(
    platform: Platform, release: Release, started: Sequence[Container], kept: Sequence[Container]
) -> None:
    """Route to the started containers and to those that stay, for one who holds the route.

    Raises RoutingError or ContainerError; the route may then be the new one.
    """
    deployment = release.deployment
    rows = [*await _as_they_are(platform, kept), *started]
    gate = checks(release.checks, release.config)
    path = next((check.path for check in gate if check.path), None)
    status = await routes.switch(
        platform, deployment.app, deployment.project_id, rows, (path or "/") if gate else None
    )
    if status >= 500 and path is not None:
        raise RoutingError(
            f"the app answered {status} through the proxy, although it was healthy before",
            "Look at its log; the old release serves again.",
        )
    for row in started:
        found = await platform.runtime.status(row.name)
        if found is None or not found.running:
            raise ContainerError(
                f"the {row.process} process ended right after it was healthy",
                "See its last lines above.",
                await platform.runtime.logs_tail(row.name, TAIL),
            )


async def _as_they_are(platform: Platform, kept: Sequence[Container]) -> list[Container]:
    """Those that stay may have been started again meanwhile, at another published port."""
    async with platform.database.read() as session:
        rows = [await containers.get_live(session, row.id) for row in kept]
    return [row for row in rows if row is not None]
