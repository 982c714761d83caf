"""The deploy branch: which one it is, and what is live on it."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.deploy.rename import move_repository
from deployzero.models.access import Role
from deployzero.models.deployment import Project, User
from deployzero.operations.access import hold, require
from deployzero.source.branch_name import check_branch_name
from deployzero.store import deployments, projects, releases


@dataclass(frozen=True, slots=True)
class GitStatus:
    app: str
    deploy_branch: str | None
    """None until the first push or archive decides."""
    remote: str
    commit: str | None
    """What is live; None: nothing is."""
    release: int | None = None
    """What is live; the rest is of the one that brought the commit."""
    message: str = ""
    kind: str = ""
    by: str = ""
    at: dt.datetime | None = None


async def status(platform: Platform, user: User, app: str) -> GitStatus:
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        return await _status(platform, session, project)


async def set_deploy_branch(platform: Platform, user: User, app: str, branch: str) -> GitStatus:
    """Let another branch be the one that is deployed and that names what is live.

    Raises SourceError for a name that git refuses.
    """
    async with platform.database.begin() as session:
        project = await hold(session, user, app, Role.DEPLOYER)
        check_branch_name(branch)
        before = project.deploy_branch
        await projects.set_deploy_branch(session, project.id, branch)
        # What is live or on its way ends up on the new branch, whichever it was pushed to.
        await deployments.set_branch(session, project.id, branch)
        live = await deployments.live(session, project.id)
        project = await projects.get(session, project.id)
        done = await _status(platform, session, project)
    if before is not None and before != branch:
        await move_repository(platform, project)
        await platform.repositories.set_branch(app, before, None)
        await platform.repositories.set_branch(app, branch, live.commit if live else None)
    return done


async def _status(platform: Platform, session: AsyncSession, project: Project) -> GitStatus:
    settings = platform.settings
    live = await deployments.live(session, project.id)
    remote = settings.git_remote(project.name)
    if live is None:
        return GitStatus(project.name, project.deploy_branch, remote, None)
    brought = await releases.brought_by(session, project.id, live.commit) or live
    return GitStatus(
        app=project.name,
        deploy_branch=project.deploy_branch,
        remote=remote,
        commit=live.commit,
        release=live.release,
        message=brought.message,
        kind=brought.kind.value,
        by=brought.user_name,
        at=brought.finished_at,
    )
