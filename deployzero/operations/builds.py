"""Builds: each deployment of whatever kind, by its id, with its log."""

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, NotFoundError
from deployzero.models.access import Role
from deployzero.models.deployment import Deployment, Project, User
from deployzero.operations import changes
from deployzero.operations.access import require
from deployzero.store import deployments, releases


async def list_builds(
    platform: Platform, user: User, app: str, limit: int, before: int | None = None
) -> list[Deployment]:
    """Newest first. before: only older ones than this id."""
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        return await releases.of_project(session, project.id, limit, before)


async def find(platform: Platform, user: User, app: str, build: int | None) -> Deployment:
    """build: None for the one under way, or else the newest. Raises NotFoundError."""
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        return await _find(session, project, build)


async def output(
    platform: Platform, user: User, app: str, build: int | None, follow: bool = False
) -> AsyncIterator[str]:
    """Its log so far; follow: until it has ended. Raises NotFoundError."""
    deployment = await find(platform, user, app, build)
    if follow:
        async for line in changes.follow(platform, deployment.id):
            yield line
        return
    async for lines in changes.lines_so_far(platform, deployment.id):
        for each in lines:
            yield each.text


async def cancel(platform: Platform, user: User, app: str, build: int | None) -> Deployment:
    """Stop it, and return it as it ended. build: None for the one under way. Needs a deployer.

    Raises ConflictError if nothing is under way, or it has ended: it went live first, say.
    """
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.DEPLOYER)
        if build is None and not await deployments.unfinished_of(session, project.id):
            raise ConflictError(f"nothing is under way for {app}", f"See `builds:list {app}`.")
        deployment = await _find(session, project, build)
    await changes.cancel(platform, user, deployment.id)
    async with platform.database.read() as session:
        return await deployments.get(session, deployment.id)


async def _find(session: AsyncSession, project: Project, build: int | None) -> Deployment:
    if build is None:
        found = await deployments.unfinished_of(session, project.id)
        found = found[:1] or await releases.of_project(session, project.id, 1)
        if not found:
            raise NotFoundError(f"{project.name} has no build yet", "Push it first.")
        return found[0]
    try:
        deployment = await deployments.get(session, build)
    except NotFoundError:
        deployment = None
    if deployment is None or deployment.project_id != project.id:
        raise NotFoundError(
            f"{project.name} has no build {build}", f"See `builds:list {project.name}`."
        )
    return deployment
