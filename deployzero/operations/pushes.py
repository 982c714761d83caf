"""What a push asks of the platform: find or create the app, start, follow, ask the end."""

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import WEB
from deployzero.deploy.rename import move_repository
from deployzero.errors import ConflictError, NotFoundError
from deployzero.models.access import Role
from deployzero.models.deployment import Deployment, Project, Push, User
from deployzero.models.push import PushTarget
from deployzero.models.release import Kind
from deployzero.operations.access import require, visible_project
from deployzero.operations.apps import add
from deployzero.operations.changes import locked
from deployzero.operations.events import recorded
from deployzero.store import containers, deployments, projects

PUSH, FETCH = "push", "fetch"
"""What the audit log calls them. Refusals are recorded here, a push's end by the worker."""


async def find_app(platform: Platform, user: User, app: str) -> PushTarget | None:
    """The app as one who pushes to it may see it: its deploy branch and the commit that serves.

    An app whose web processes are all down serves nothing, so no commit is live. Raises
    ForbiddenError for a viewer, since the source is for deployers; ConflictError if the app is
    locked, before the client has built a large pack.
    """
    async with recorded(platform, user, action=PUSH, app=app, refusals_only=True):
        async with platform.database.read() as session:
            project = await _deployable(session, user, app)
        if project is None:
            return None
        if project.locked_by:
            raise locked(app, project.locked_by)
        return await _target(platform, project)


async def find_source(platform: Platform, user: User, app: str) -> PushTarget | None:
    """The same for one who fetches. Raises NotFoundError where there is none for this user."""
    async with recorded(platform, user, action=FETCH, app=app, refusals_only=True):
        async with platform.database.read() as session:
            project = await _deployable(session, user, app)
        if project is None:
            raise NotFoundError(
                f"there is no app {app} (or it is not yours)",
                "The first push makes it: git push deployzero main",
            )
        return await _target(platform, project)


async def _target(platform: Platform, project: Project) -> PushTarget:
    async with platform.database.read() as session:
        live = await deployments.live(session, project.id)
        serves = await _serves(session, project, live)
    await move_repository(platform, project)
    return PushTarget(
        app=project.name,
        deploy_branch=project.deploy_branch,
        live_commit=live.commit if live else None,
        serves=serves,
    )


async def _deployable(session: AsyncSession, user: User, app: str) -> Project | None:
    """The app, None if it does not exist for the user. Raises ForbiddenError for a viewer."""
    if await visible_project(session, user, app) is None:
        return None
    return await require(session, user, app, Role.DEPLOYER)


async def _serves(session: AsyncSession, project: Project, live: Deployment | None) -> bool:
    """Something is live, the app is not stopped, and not all its web processes are down."""
    if live is None or project.stopped:
        return False
    rows = await containers.of_deployment(session, live.id)
    web = [row.health for row in rows if row.process == WEB]
    return not (web and all(health == "down" for health in web))


async def create_app(platform: Platform, user: User, app: str, branch: str) -> None:
    """Create the app at its first push, or settle the deploy branch of one created empty.

    Raises ConflictError when somebody else has the name, ForbiddenError for a viewer.
    """
    async with (
        recorded(platform, user, action=PUSH, app=app, refusals_only=True),
        platform.database.begin() as session,
    ):
        project = await _deployable(session, user, app)
        if project is None:
            project = await add(platform, session, user, app)
        settled = await projects.settle_deploy_branch(session, project.id, branch)
        if settled != branch:
            raise ConflictError(
                f"the deploy branch of {app} is {settled}: another push was faster",
                f"Push to it: git push <remote> {branch}:{settled}",
            )


async def start_deployment(platform: Platform, push: Push) -> int:
    """Queue the push; returns the deployment's id. It says for whom it waits, if it must.

    Raises ConflictError if the app is locked or gone, ForbiddenError for a viewer,
    AlreadyStartedError for an idempotency key that has started one.
    """
    async with recorded(platform, push.user, action=PUSH, app=push.app, refusals_only=True):
        return await queue_deployment(platform, push)


async def queue_deployment(platform: Platform, push: Push) -> int:
    """The same for what is in the audit log by another name."""
    async with platform.database.begin() as session:
        project = await _deployable(session, push.user, push.app)
        if project is None:
            raise ConflictError(
                f"{push.app} is gone: it was destroyed or renamed meanwhile",
                "`apps:list` shows yours.",
            )
        if project.locked_by:
            raise locked(push.app, project.locked_by)
        # What is down is not advertised, so the client could neither see it nor force it.
        live = await deployments.live(session, project.id)
        blind = push.old_commit is None and not await _serves(session, project, live)
        deployment = await deployments.create(
            session,
            project_id=project.id,
            user_id=push.user.id,
            branch=push.branch,
            commit=push.new_commit,
            old_commit=push.old_commit,
            forced=push.forced or blind,
            message=push.message,
            timings=push.timings,
            checkout=push.checkout,
            kind=push.kind,
            key_fingerprint=push.user.key_fingerprint,
            idempotency_key=push.idempotency_key,
        )
        ahead = await deployments.ahead_of(session, deployment)
    if ahead:
        other = ahead[-1]
        what = f"push of {other.commit[:9]}" if other.kind == Kind.PUSH else str(other.kind)
        platform.logs.append(
            deployment.id, f"-----> Waiting for {other.user_name}'s {what} ({other.state})"
        )
    platform.queue.wake()
    return deployment.id
