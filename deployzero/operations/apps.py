"""Apps: made, listed, renamed, locked, destroyed."""

import asyncio
import time
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy import rename
from deployzero.deploy.destroy import destroy
from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, DeployZeroException
from deployzero.models.access import Role, Scope
from deployzero.models.deployment import Container, Deployment, Project, State, User
from deployzero.models.names import APP_NAME, check_new_app_name
from deployzero.models.number import parse_number
from deployzero.models.release import Change, Kind
from deployzero.operations.access import (
    hold,
    hold_user,
    no_such_app,
    require,
    require_scope,
    role_with,
    visible,
    visible_project,
)
from deployzero.operations.changes import queue_change
from deployzero.store import containers, deployments, domains, projects, releases
from deployzero.store.releases import Live

MOST = 1000
"""Apps of one user."""
RENAME_LIMIT = 60.0
"""Seconds beyond drain and grace for the old name's last containers …"""
FREE_LIMIT = 5.0
"""… and for the engine to let go of their network."""
LOOK = 0.1
ENDING = "its last containers are ending"


@dataclass(frozen=True, slots=True)
class AppState:
    """A line of the list."""

    project: Project
    url: str
    live: Live | None
    processes: tuple[Container, ...]
    under_way: State | None = None
    """Of the deployment that is next to end; None: none waits or is under way."""


@dataclass(frozen=True, slots=True)
class AppInfo:
    project: Project
    owner: str
    url: str
    domains: tuple[str, ...]
    """Beside its own."""
    git_remote: str
    live: Deployment | None
    processes: tuple[Container, ...]


async def list_apps(platform: Platform, user: User) -> list[AppState]:
    """Every app that the user may see, by name."""
    async with platform.database.read() as session:
        listed = await visible(session, user)
        live = await releases.every_live(session)
        rows = await containers.of_live_releases(session)
        unfinished = await deployments.unfinished(session)
    under_way = {each.project_id: each.state for each in reversed(unfinished)}
    running: dict[int, list[Container]] = {}
    for row in rows:
        running.setdefault(row.project_id, []).append(row)
    return [
        AppState(
            project=project,
            url=platform.settings.url(project.name),
            live=live.get(project.id),
            processes=tuple(running.get(project.id, ())),
            under_way=under_way.get(project.id),
        )
        for project in listed
    ]


async def app_info(platform: Platform, user: User, app: str) -> AppInfo:
    settings = platform.settings
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        live = await deployments.live(session, project.id)
        return AppInfo(
            project=project,
            owner=await projects.owner_name(session, project),
            url=settings.url(app),
            domains=tuple(await domains.of_project(session, project.id)),
            git_remote=settings.git_remote(app),
            live=live,
            processes=tuple(await containers.of_deployment(session, live.id)) if live else (),
        )


async def find(platform: Platform, user: User, app: str) -> Project:
    """Raises NotFoundError, the same for one that the user may not see."""
    async with platform.database.read() as session:
        return await require(session, user, app, Role.VIEWER)


async def name_of(platform: Platform, user: User, reference: str) -> str:
    """The name of an app that has this id, or is called so. The id goes first: nobody can have
    another's requests by a name. Raises NotFoundError.
    """
    async with platform.database.read() as session:
        if (number := parse_number(reference)) is not None:
            project = await projects.by_id(session, number)
            if project and await role_with(session, user, project) is not None:
                return project.name
        if APP_NAME.fullmatch(reference) and await visible_project(session, user, reference):
            return reference
        raise await no_such_app(session, user, reference)


async def create(platform: Platform, user: User, name: str) -> None:
    """An app with nothing deployed, the user's own. Raises SourceError, ConflictError."""
    async with platform.database.begin() as session:
        await add(platform, session, user, name)


async def add(platform: Platform, session: AsyncSession, user: User, name: str) -> Project:
    """Make the row, and take away what a push that came too late may have left under the name.

    Within the transaction: whoever sees the row may use its repository.
    """
    require_scope(user, Scope.DEPLOY)
    await hold_user(session, user.name)
    check_new_app_name(name)
    if await projects.count_of(session, user.id) >= MOST:
        raise ConflictError(
            f"you have {MOST} apps: that is the most", "Destroy one that nobody needs first."
        )
    project = await projects.create(session, name, user.id)
    platform.repositories.discard(name)
    return project


async def lock(platform: Platform, user: User, app: str) -> None:
    """Refuse every new release from now on. Raises ConflictError if it is locked already."""
    async with platform.database.begin() as session:
        project = await hold(session, user, app, Role.DEPLOYER)
        if project.locked_by:
            raise ConflictError(
                f"{app} is locked already, by {project.locked_by}", f"apps:unlock {app}"
            )
        await projects.set_lock(session, project.id, user.name)


async def unlock(platform: Platform, user: User, app: str) -> None:
    """Raises ConflictError if it is not locked."""
    async with platform.database.begin() as session:
        project = await hold(session, user, app, Role.DEPLOYER)
        if not project.locked_by:
            raise ConflictError(f"{app} is not locked", "Nothing is left to do.")
        await projects.set_lock(session, project.id, None)


async def rename_app(platform: Platform, user: User, app: str, name: str) -> tuple[int, int | None]:
    """Give the app another name; returns its id and the deployment that brings it there.

    No deployment: nothing runs, it is there at once. If the deployment fails, the app keeps
    its old name, at which it goes on serving. Raises ConflictError for a taken name, and
    while the app is being deployed or still leaves another name.
    """
    check_new_app_name(name)
    async with platform.database.begin() as session:
        project = await hold(session, user, app, Role.OWNER)
        await _check_still(session, project, name)
        await projects.rename(session, project, name)
        live = await deployments.live(session, project.id)
        deployment = None
        if live is not None and not project.stopped:
            message = f"Rename {app} to {name}"
            deployment = await queue_change(
                platform, session, user, live, Kind.RESTART, Change(), message
            )
            await projects.set_rename_id(session, project.id, deployment.id)
        renamed = await projects.get(session, project.id)
    await rename.move_repository(platform, renamed)
    platform.queue.wake()
    return project.id, deployment.id if deployment else None


async def _check_still(session: AsyncSession, project: Project, name: str) -> None:
    if name == project.name:
        raise ConflictError(f"{name} is its name already", "Choose another one.")
    if project.previous_name:
        raise ConflictError(
            f"{project.previous_name}, another name of {project.name}, is still being cleared",
            "Try again in a moment.",
        )
    if unfinished := await deployments.unfinished_of(session, project.id):
        first = unfinished[0]
        raise ConflictError(
            f"{project.name} is being deployed: {first.user_name}'s {first.kind} ({first.state})",
            f"Wait for it: builds:output {project.name} -f; or stop it: "
            f"builds:cancel {project.name}",
        )


async def finish_rename(platform: Platform, project_id: int) -> tuple[str, str]:
    """Wait until nothing bears the other name any more; call it once the deployment has ended.

    Returns the app's name, which is the one that it had if that failed, and why the other
    one is not free yet, in words: that is then seen to behind the scenes.
    """
    settings = platform.settings
    until = time.monotonic() + settings.drain_seconds + settings.stop_grace + RENAME_LIMIT
    while why := await _not_finished(platform, project_id):
        if why != ENDING:
            until = min(until, time.monotonic() + FREE_LIMIT)
        if time.monotonic() > until:
            break
        await asyncio.sleep(LOOK)
    async with platform.database.read() as session:
        return (await projects.get(session, project_id)).name, why


async def _not_finished(platform: Platform, project_id: int) -> str:
    try:
        return "" if await rename.finish_rename(platform, project_id) else ENDING
    except DeployZeroException as error:
        return error.message


async def check_destroy(platform: Platform, user: User, app: str) -> None:
    """Whether the user may destroy it, before they are asked to confirm it."""
    async with platform.database.read() as session:
        await require(session, user, app, Role.OWNER)


async def destroy_app(platform: Platform, user: User, app: str) -> None:
    """Remove the app and all that it has, for good.

    Nobody sees it from the first moment on; its name is free at the end. Raises what
    deploy/destroy.py does.
    """
    async with platform.database.begin() as session:
        project = await require(session, user, app, Role.OWNER)
        if not await projects.set_destroying(session, project.id):
            raise await no_such_app(session, user, app)
    await destroy(platform, project.id, user.name)
