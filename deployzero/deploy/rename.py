"""From one name to another: what still bears the name that the app no longer has is cleared.

The row says it all. `name` is the app's; `previous_name` the one that it had before, while a
route, a network or a repository bears it. `rename_id` is the restart that brings containers,
network and host to the new name: until that is live both names are needed, and should it fail
the store swaps them in the very transaction that ends it (store/projects.end_rename). So there
is one way from each state on, whoever was killed when.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deployzero.deploy import routes, runs
from deployzero.deploy.platform import Platform
from deployzero.models.deployment import Project
from deployzero.store import containers, projects


@asynccontextmanager
async def names_held(platform: Platform, project_id: int) -> AsyncIterator[Project | None]:
    """Nobody else moves or removes what bears the app's names inside. The row as it is then,
    None: it is gone. One that was read before may have let go of a name: that is somebody else's.
    """
    lock = platform.name_locks.setdefault(project_id, asyncio.Lock())
    async with lock:
        async with platform.database.read() as session:
            project = await projects.by_id(session, project_id)
        yield project


def names_are_held(platform: Platform, project_id: int) -> bool:
    lock = platform.name_locks.get(project_id)
    return lock is not None and lock.locked()


async def move_repository(platform: Platform, project: Project) -> None:
    """Put the repository where the app's name is. Idempotent; before anybody opens it."""
    if project.previous_name is None:
        return
    async with names_held(platform, project.id) as now:
        if now is not None:
            await _move_repository(platform, now)


async def _move_repository(platform: Platform, project: Project) -> None:
    if project.previous_name is not None:
        await platform.repositories.rename(project.previous_name, project.name)


async def leave_old_address(platform: Platform, project_id: int) -> None:
    """Once the new name is live: the old one's address goes before its containers do."""
    async with names_held(platform, project_id) as project:
        if project is not None and project.previous_name and project.rename_id is None:
            await routes.remove(platform, project.previous_name)


async def finish_rename(platform: Platform, project_id: int) -> bool:
    """Clear what bears the other name, and free it; True once nothing does. Idempotent.

    False while the restart to the new name has not ended, or containers that bear the other
    name have requests under way: ask again later. Raises ContainerError while something
    foreign is attached to that name's network: who gets the name next must not get that too.
    """
    async with names_held(platform, project_id) as project:
        if project is None or project.previous_name is None:
            return True
        await _move_repository(platform, project)
        return project.rename_id is None and await _cleared(
            platform, project, project.previous_name
        )


async def _cleared(platform: Platform, project: Project, other: str) -> bool:
    async with platform.database.read() as session:
        rows = await containers.of_project(session, project.id)
    # Of a rename that failed the name is what it was before: its domains may have changed since.
    await routes.restore(platform, project.name, project.id)
    await routes.remove(platform, other)
    if any(_is_of(row.name, other) for row in rows) or await runs.of_app(platform, other):
        return False
    await platform.runtime.remove_network(other)
    await platform.repositories.remove(other)
    async with platform.database.begin() as session:
        await projects.forget_previous_name(session, project.id, other)
    return True


def _is_of(container: str, app: str) -> bool:
    """Whether the engine's name of a container was made from the app's."""
    return container.split(".")[1:2] == [app]
