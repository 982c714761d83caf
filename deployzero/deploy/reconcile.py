"""Make engine, routes, refs and disk agree with the rows. The rows alone decide."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable

from deployzero.build.material_images import material_tag_prefix
from deployzero.deploy import routes
from deployzero.deploy.boot import start_container
from deployzero.deploy.completion import complete
from deployzero.deploy.ending import end
from deployzero.deploy.platform import Platform
from deployzero.deploy.release import Release, live_release
from deployzero.deploy.rename import move_repository
from deployzero.deploy.retire import settle
from deployzero.deploy.runs import outlives_server
from deployzero.deploy.runtime_logs import archive
from deployzero.errors import DeployZeroException
from deployzero.models.deployment import Container, Deployment, Project, State
from deployzero.models.names import RESERVED
from deployzero.models.release import Kind
from deployzero.store import containers, deployments, events, log_lines, projects

logger = logging.getLogger(__name__)

AT_ONCE = 8
"""Apps that are put back in order at the same time."""
INTERRUPTED = "deployzero was stopped in the middle of this deployment"


async def reconcile(platform: Platform) -> None:
    """Finish or undo whatever was under way when the server last stopped."""
    async with platform.database.begin() as session:
        await events.end_interrupted(session)
    await _undo_renames(platform)
    async with platform.database.read() as session:
        every = await projects.every(session)
    slots = asyncio.Semaphore(AT_ONCE)

    async def restore(project: Project) -> None:
        async with slots:
            try:
                await move_repository(platform, project)
                if not project.destroying:
                    async with platform.database.read() as session:
                        live = await deployments.live(session, project.id)
                    await restore_app(platform, project, live)
            except DeployZeroException as error:
                logger.error("%s could not be put back in order: %s", project.name, error.message)
            except Exception:  # the border of one app: it keeps no other from serving
                logger.exception("%s could not be put back in order", project.name)

    await asyncio.gather(*(restore(project) for project in every))
    await _end_all_interrupted(platform)
    for failure in await complete(platform, busy=0):
        logger.error("%s", failure)
    await _remove_strangers(platform, {project.name for project in every})
    await asyncio.to_thread(_empty_folder, platform)


async def _undo_renames(platform: Platform) -> None:
    """Those whose restart was cut off: what is live is at the old name, and stays there."""
    async with platform.database.begin() as session:
        for deployment in await deployments.unfinished(session):
            await projects.end_rename(session, deployment.id, live=False)


async def restore_app(platform: Platform, project: Project, live: Deployment | None) -> None:
    """Put route, containers and ref of one app as its live release has them."""
    if live is None:
        await routes.remove(platform, project.name)
        if project.deploy_branch is not None:
            await platform.repositories.set_branch(project.name, project.deploy_branch, None)
        return
    try:
        if not project.stopped:
            await _restart_missing(platform, project, live)
    finally:
        # Without an engine too: the live containers will be back at their addresses.
        await routes.restore(platform, project.name, project.id)
    await platform.repositories.set_branch(project.name, live.branch, live.commit)


async def _restart_missing(platform: Platform, project: Project, live: Deployment) -> None:
    """Start what the live release lacks on the engine, under the limits of a live one."""
    release = live_release(platform, project, live)
    async with platform.database.read() as session:
        rows = await containers.of_deployment(session, live.id)
    for row in rows:
        status = await platform.runtime.status(row.name)
        if status is None or not status.running:
            await start_again(platform, release, row)
        else:
            await settle(platform, release, row)


async def start_again(platform: Platform, release: Release, row: Container) -> Container:
    """Make a container of a live release anew: same name, same address, no boot to wait for."""
    await archive(platform, row.name)
    await platform.runtime.remove(row.name)
    row = await start_container(platform, release, row)
    await settle(platform, release, row)
    return row


async def _end_all_interrupted(platform: Platform) -> None:
    async with platform.database.read() as session:
        interrupted = await deployments.unfinished(session)
    for deployment in interrupted:
        if not _can_wait(deployment):
            await end_interrupted(platform, deployment)
    async with platform.database.read() as session:
        still_open = await log_lines.left_open(session)
    for deployment_id in still_open:
        await platform.logs.end(deployment_id)


def _can_wait(deployment: Deployment) -> bool:
    """Queued by a restore: the repository has all that it needs, and nothing is begun."""
    untouched = deployment.state is State.CREATED and not deployment.checkout
    return untouched and deployment.kind is Kind.REBUILD


async def end_interrupted(platform: Platform, deployment: Deployment) -> None:
    """Mark what nobody works on any more, and tell whoever follows it."""
    platform.logs.append(deployment.id, f" !     {INTERRUPTED} ({deployment.state})")
    platform.logs.append(deployment.id, f" !     {_again(deployment)}")
    await end(platform, deployment.id, State.ERROR, INTERRUPTED)
    await platform.logs.end(deployment.id)


def _again(deployment: Deployment) -> str:
    """What to do about one that was interrupted."""
    if deployment.kind is Kind.PUSH:
        return "Push the same commit again."
    if deployment.kind is Kind.ARCHIVE:
        return "Send the archive again."
    return f"Nothing was changed; ask for the {deployment.kind} again."


async def _remove_strangers(platform: Platform, apps: set[str]) -> None:
    """Remove objects that carry this server's label but that no row knows."""
    async with platform.database.read() as session:
        names = {row.name for row in await containers.every(session)}
        kept = await deployments.images(session)
    for container in await platform.runtime.list_containers():
        if container.name not in names and not outlives_server(container):
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
    platform.log_archive.clean()
    shutil.rmtree(platform.checkouts, ignore_errors=True)
    platform.checkouts.mkdir(mode=0o700, parents=True)
