"""Make engine, routes, refs and disk agree with the rows. The rows alone decide."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable

from deployzero.build.material_images import material_tag_prefix
from deployzero.deploy import routes
from deployzero.deploy.boot import release_route, start_container
from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import loaded_config
from deployzero.errors import DeployZeroException
from deployzero.models.deployment import Container, Deployment, Project, State
from deployzero.models.names import RESERVED
from deployzero.store import containers, deployments, log_lines, projects

logger = logging.getLogger(__name__)

AT_ONCE = 8
"""Apps that are put back in order at the same time."""
INTERRUPTED = "deployzero was stopped in the middle of this deployment"


async def reconcile(platform: Platform) -> None:
    """Finish or undo whatever was under way when the server last stopped."""
    async with platform.database.read() as session:
        every = await projects.every(session)
        live = {
            deployment.project_id: deployment
            for deployment in await deployments.every_live(session)
        }
    slots = asyncio.Semaphore(AT_ONCE)

    async def restore(project: Project, live: Deployment | None) -> None:
        async with slots:
            try:
                await restore_app(platform, project.name, project.deploy_branch, live)
            except DeployZeroException as error:
                logger.error("%s could not be put back in order: %s", project.name, error.message)

    await asyncio.gather(*(restore(project, live.get(project.id)) for project in every))
    await _end_all_interrupted(platform)
    await _remove_strangers(platform, {project.name for project in every})
    await asyncio.to_thread(_empty_folder, platform)


async def restore_app(
    platform: Platform, app: str, branch: str | None, live: Deployment | None
) -> None:
    """Put route, containers and ref of one app as its live release has them."""
    if live is None:
        await routes.remove(platform, app)
        if branch is not None:
            await platform.repositories.set_branch(app, branch, None)
        return
    try:
        await _restart_missing(platform, live)
    finally:
        # Without an engine too: the live containers will be back at their addresses.
        await restore_route(platform, live)
    await platform.repositories.set_branch(app, live.branch, live.commit)


async def restore_route(platform: Platform, live: Deployment) -> None:
    """Route to where the rows say that the live release's containers are."""
    async with platform.database.read() as session:
        rows = await containers.of_deployment(session, live.id)
    route = release_route(platform, live, rows)
    if route is None:
        await routes.remove(platform, live.app)
    else:
        await routes.restore(platform, route)


async def _restart_missing(platform: Platform, live: Deployment) -> None:
    """Start what the live release lacks on the engine, under the limits of a live one."""
    async with platform.database.read() as session:
        rows = await containers.of_deployment(session, live.id)
    for row in rows:
        status = await platform.runtime.status(row.name)
        if status is None or not status.running:
            await start_again(platform, live, row)
        else:
            await platform.runtime.settle(row.name, platform.settings.cpus)


async def start_again(platform: Platform, live: Deployment, row: Container) -> Container:
    """Make a container of a live release anew: same name, same address, no boot to wait for."""
    await platform.runtime.remove(row.name)
    row = await start_container(platform, live, loaded_config(live.config or {}), row)
    await platform.runtime.settle(row.name, platform.settings.cpus)
    return row


async def _end_all_interrupted(platform: Platform) -> None:
    async with platform.database.read() as session:
        interrupted = await deployments.unfinished(session)
    for deployment in interrupted:
        await end_interrupted(platform, deployment)
    async with platform.database.read() as session:
        still_open = await log_lines.left_open(session)
    for deployment_id in still_open:
        await platform.logs.end(deployment_id)


async def end_interrupted(platform: Platform, deployment: Deployment) -> None:
    """Mark what nobody works on any more, and tell whoever follows it."""
    platform.logs.append(deployment.id, f" !     {INTERRUPTED} ({deployment.state})")
    platform.logs.append(deployment.id, " !     Push the same commit again.")
    async with platform.database.begin() as session:
        await deployments.transition(session, deployment.id, State.ERROR, reason=INTERRUPTED)
    await platform.logs.end(deployment.id)


async def _remove_strangers(platform: Platform, apps: set[str]) -> None:
    """Remove objects that carry this server's label but that no row knows."""
    async with platform.database.read() as session:
        names = {row.name for row in await containers.every(session)}
        kept = await deployments.images(session)
    for container in await platform.runtime.list_containers():
        if container.name not in names:
            await _tolerant(platform.runtime.remove(container.name))
    material = material_tag_prefix(platform.instance)
    for image in await platform.runtime.list_images():
        for tag in image.tags:
            # What a killed build was given (index URLs, say) must not stay on the engine.
            if tag.startswith((material, platform.image_prefix)) and tag not in kept:
                await _tolerant(platform.runtime.remove_image(tag))
    for app in await platform.runtime.list_networks():
        if app not in apps:
            await _tolerant(platform.runtime.remove_network(app))
    for app in platform.proxy.routes.apps():
        if app not in apps | RESERVED:
            await routes.remove(platform, app)


async def _tolerant(removal: Awaitable[None]) -> None:
    """What somebody still uses (a database on an app's network, say) may stay."""
    try:
        await removal
    except DeployZeroException as error:
        logger.warning("left where it is: %s", error.message)


def _empty_folder(platform: Platform) -> None:
    platform.repositories.clean()
    shutil.rmtree(platform.checkouts, ignore_errors=True)
    platform.checkouts.mkdir(mode=0o700, parents=True)
