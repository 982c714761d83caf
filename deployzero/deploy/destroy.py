"""An app's end: all that it has on engine, proxy, disk and in the database goes, its row last.

`Project.destroying` is the commit point, set before any of this: from then on nobody sees the
app. Every step may be repeated, so that reconcile or the watch finish what was cut off.
"""

import asyncio
import contextlib
import logging
import shutil
import time
from pathlib import Path

from deployzero.deploy import routes
from deployzero.deploy.ending import cancel_waiting
from deployzero.deploy.platform import Platform
from deployzero.deploy.rename import names_held
from deployzero.errors import ConflictError, DeployZeroException
from deployzero.models.deployment import Deployment, Project, State
from deployzero.runtime import labels
from deployzero.store import containers, deployments, projects, releases

logger = logging.getLogger(__name__)

CANCEL_LIMIT = 30.0
"""Seconds for deployments under way to end; a cancelled one takes two."""
LOOK = 0.05


async def destroy(platform: Platform, project_id: int, by: str = "apps:destroy") -> None:
    """Remove everything of an app that is `destroying`. Idempotent. by: who destroys it, if
    that is known.

    Raises ConflictError if a deployment does not end, ContainerError if the engine fails or
    something foreign is attached to the app's network: whoever gets the name next must not
    get that too. The rest is then done by the watch, or at the next start.
    """
    await _end_deployments(platform, project_id, by)
    async with names_held(platform, project_id) as project:
        if project is not None:  # else somebody else was faster
            await _remove(platform, project)


async def _remove(platform: Platform, project: Project) -> None:
    async with platform.database.read() as session:
        ids = await releases.ids(session, project.id)
        checkouts = await releases.checkouts(session, project.id)
    names = [name for name in (project.name, project.previous_name) if name]
    for name in names:
        await routes.remove(platform, name)
    await _remove_containers(platform, project, ids)
    await _remove_images(platform, ids)
    for name in names:
        await platform.repositories.remove(name)
    for folder in checkouts:
        await asyncio.to_thread(shutil.rmtree, Path(folder), ignore_errors=True)
    await asyncio.to_thread(platform.log_archive.forget, project.id)
    for name in names:
        await platform.runtime.remove_network(name)
    async with platform.database.begin() as session:
        await projects.remove(session, project.id)


async def _end_deployments(platform: Platform, project_id: int, by: str) -> None:
    """Cancel what waits, then what is under way, and wait until the worker has let go of it."""
    asked: set[int] = set()
    until = time.monotonic() + CANCEL_LIMIT
    while unfinished := await _unfinished(platform, project_id):
        if time.monotonic() > until:
            raise ConflictError(
                f"deployment {unfinished[0].id} does not end",
                "The rest goes once it has ended; nobody sees the app any more.",
            )
        for deployment in reversed(unfinished):  # first those that wait: none may start now
            if deployment.state is State.CREATED:
                with contextlib.suppress(ConflictError):  # its turn has just come
                    await cancel_waiting(platform, deployment.id, by)
            elif deployment.id not in asked:
                asked.add(deployment.id)
                platform.queue.cancel(deployment.id, by)
        await asyncio.sleep(LOOK)


async def _unfinished(platform: Platform, project_id: int) -> list[Deployment]:
    async with platform.database.read() as session:
        return await deployments.unfinished_of(session, project_id)


async def _remove_containers(platform: Platform, project: Project, ids: set[int]) -> None:
    """By their deployment, which is never another app's: one-off runs and leftovers too."""
    found = await platform.runtime.list_containers()
    mine = [each.name for each in found if each.deployment_id in ids]
    await asyncio.gather(*(platform.runtime.remove(name) for name in mine))
    async with platform.database.begin() as session:
        await containers.remove_of_project(session, project.id)


async def _remove_images(platform: Platform, ids: set[int]) -> None:
    for image in await platform.runtime.list_images():
        if int(image.labels.get(labels.DEPLOYMENT, "0")) in ids:
            for tag in image.tags:
                try:
                    await platform.runtime.remove_image(tag)
                except DeployZeroException as error:
                    logger.warning("left where it is: %s", error.message)
