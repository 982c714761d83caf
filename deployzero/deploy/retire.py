"""What follows from the commit point: the old release ends, the new one is settled."""

import logging

from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException
from deployzero.models.deployment import Container, Deployment
from deployzero.runtime.drain import drain
from deployzero.store import containers, deployments

logger = logging.getLogger(__name__)


async def retire_release(
    platform: Platform, live: Deployment, old: Deployment | None, rows: list[Container]
) -> None:
    """Settle the new containers, drain and remove the old ones, prune old releases.

    Runs behind the push. Whatever fails or is cut off here, reconcile does at the next
    start from the rows alone.
    """
    try:
        for row in rows:
            await platform.runtime.settle(row.name, platform.settings.cpus)
        if old is not None:
            await _remove_containers(platform, old)
        await prune_releases(platform, live)
    except DeployZeroException as error:
        logger.warning("retiring what %s replaced: %s", live.app, error.message)


async def _remove_containers(platform: Platform, old: Deployment) -> None:
    async with platform.database.read() as session:
        rows = await containers.of_deployment(session, old.id)
    for row in rows:
        await drain_container(platform, old, row, platform.settings.drain_seconds)
        await platform.runtime.stop(row.name, platform.settings.stop_grace)
        await remove_container(platform, row)


async def drain_container(
    platform: Platform, deployment: Deployment, row: Container, limit: float
) -> None:
    """Wait for its requests under way; `row.port` may be a published one, not its own."""
    port = (deployment.config or {}).get("port", row.port)
    await drain(platform.runtime, row.name, port, limit)


async def remove_container(platform: Platform, row: Container) -> None:
    """Remove from the engine first: its address is free only when the row is gone."""
    await platform.runtime.remove(row.name)
    async with platform.database.begin() as session:
        await containers.remove(session, row.id)


async def prune_releases(platform: Platform, live: Deployment) -> None:
    """Releases beyond KEEP_RELEASES lose their images."""
    async with platform.database.read() as session:
        beyond = await deployments.retired_beyond(
            session, live.project_id, platform.settings.keep_releases
        )
    for deployment in beyond:
        if deployment.image:
            await platform.runtime.remove_image(deployment.image)
            async with platform.database.begin() as session:
                await deployments.forget_image(session, deployment.id)
