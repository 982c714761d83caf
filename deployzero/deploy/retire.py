"""What follows from the commit point: the old release ends, the new one is settled."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import limits_of
from deployzero.deploy.release import Release
from deployzero.deploy.rename import leave_old_address
from deployzero.deploy.runtime_logs import archive
from deployzero.errors import DeployZeroException
from deployzero.models.deployment import Container, Deployment, State
from deployzero.runtime import labels
from deployzero.runtime.drain import drain
from deployzero.store import containers, deployments, projects

logger = logging.getLogger(__name__)


async def retire_release(
    platform: Platform, release: Release, old: Deployment | None, rows: list[Container]
) -> None:
    """Settle the new containers, drain and remove the old ones, prune old releases.

    Runs behind the push. Whatever fails or is cut off here, reconcile does at the next
    start from the rows alone.
    """
    live = release.deployment
    with _told(live.app):
        await leave_old_address(platform, live.project_id)
    for row in rows:
        with _told(live.app):
            await settle(platform, release, row)
    if old is not None:
        async with platform.database.read() as session:
            replaced = await containers.of_deployment(session, old.id)
        await retire_containers(platform, replaced)
    with _told(live.app):
        await prune_releases(platform, live)


async def settle(platform: Platform, release: Release, row: Container) -> None:
    """Give a live container the limits of an ordinary one."""
    _, cpus = limits_of(platform.settings, release.limits, row.process)
    await platform.runtime.settle(row.name, cpus)


async def leftovers(platform: Platform) -> list[Container]:
    """The containers that nothing is to run: at start, what the last stop cut off."""
    async with platform.database.read() as session:
        rows = await containers.every(session)
        live = {row.id for row in await containers.of_live_releases(session)}
    return [row for row in rows if row.id not in live]


async def retire_containers(platform: Platform, rows: list[Container]) -> None:
    """Drain, stop and remove, all at once: each may have requests under way."""
    await asyncio.gather(*(_retire_container(platform, row) for row in rows))


async def _retire_container(platform: Platform, row: Container) -> None:
    with _told(row.app):
        async with platform.database.read() as session:
            deployment = await deployments.get(session, row.deployment_id)
        await drain_container(platform, deployment, row, platform.settings.drain_seconds)
        await platform.runtime.stop(row.name, platform.settings.stop_grace)
        await remove_container(platform, row)
        if deployment.state in (State.ERROR, State.CANCELLED):  # nothing will roll back to it
            await platform.runtime.remove_image(platform.image_tag(row.app, deployment.id))


@contextmanager
def _told(app: str) -> Iterator[None]:
    """What fails here fails nobody: the watch and the next start clear away after it."""
    try:
        yield
    except DeployZeroException as error:
        logger.warning("retiring what %s replaced: %s", app, error.message)


async def drain_container(
    platform: Platform, deployment: Deployment, row: Container, limit: float
) -> None:
    """Wait for its requests under way; `row.port` may be a published one, not its own."""
    port = (deployment.config or {}).get("port", row.port)
    await drain(platform.runtime, row.name, port, limit)


async def remove_container(platform: Platform, row: Container) -> None:
    """Remove from the engine first: its address is free only when the row is gone."""
    await platform.runtime.stop(row.name, 0)  # what it prints while it is removed is lost
    await archive(platform, row.name)
    await platform.runtime.remove(row.name)
    async with platform.database.begin() as session:
        await containers.remove(session, row.id)


async def prune_releases(platform: Platform, live: Deployment) -> None:
    """Releases beyond KEEP_RELEASES lose their images.

    Forgotten before they are removed, so that no rollback begins with one that goes.
    """
    keep = platform.settings.keep_releases
    async with platform.database.begin() as session:
        await projects.lock(session, live.project_id)
        beyond = await deployments.retired_beyond(session, live.project_id, keep)
        for deployment in beyond:
            await deployments.forget_image(session, deployment.id)
    await forget_secrets(platform, live.project_id)
    for image in {deployment.image for deployment in beyond}:
        if image is not None:
            with _told(live.app):
                await platform.runtime.remove_image(image)


async def forget_secrets(platform: Platform, project_id: int) -> None:
    """Drop the variables of what can never run again: neither database nor backups keep them."""
    runs = {run.deployment_id for run in await platform.runtime.list_containers(labels.RUN)}
    async with platform.database.begin() as session:
        await deployments.forget_variables(session, project_id, runs)
