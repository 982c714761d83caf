"""What a push asks of the platform: find or create the app, start, follow, ask the end."""

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import WEB
from deployzero.errors import ConflictError
from deployzero.models.deployment import Deployment, Push, User
from deployzero.models.push import PushTarget
from deployzero.operations.access import visible_project
from deployzero.store import containers, deployments, projects


async def find_app(platform: Platform, user: User, app: str) -> PushTarget | None:
    """The app as this user may see it: its deploy branch and the commit that serves.

    An app whose web processes are all down serves nothing, so no commit is live.
    """
    async with platform.database.read() as session:
        project = await visible_project(session, user, app)
        if project is None:
            return None
        serving = await _serving(session, project.id)
    return PushTarget(
        app=app,
        deploy_branch=project.deploy_branch,
        live_commit=serving.commit if serving else None,
    )


async def _serving(session: AsyncSession, project_id: int) -> Deployment | None:
    """The live deployment, unless all its web processes are down."""
    live = await deployments.live(session, project_id)
    if live is None:
        return None
    rows = await containers.of_deployment(session, live.id)
    web = [row.health for row in rows if row.process == WEB]
    return None if web and all(health == "down" for health in web) else live


async def create_app(platform: Platform, user: User, app: str, branch: str) -> None:
    """Create the app at its first push, or settle the deploy branch of one created empty.

    Raises ConflictError when somebody else has the name.
    """
    async with platform.database.begin() as session:
        project = await visible_project(session, user, app)
        if project is None:
            if await projects.by_name(session, app) is not None:
                raise ConflictError(f"the name {app} is taken", "Choose another name for the app.")
            project = await projects.create(session, app, user.id)
        settled = await projects.settle_deploy_branch(session, project.id, branch)
    if settled != branch:
        raise ConflictError(
            f"the deploy branch of {app} is {settled}: another push was faster",
            f"Push to it: git push <remote> {branch}:{settled}",
        )


async def start_deployment(platform: Platform, push: Push) -> int:
    """Queue the push; returns the deployment's id. It says for whom it waits, if it must."""
    async with platform.database.begin() as session:
        project = await visible_project(session, push.user, push.app)
        if project is None:
            raise ConflictError(f"the name {push.app} is taken", "Choose another name for the app.")
        # What is down is not advertised, so the client could neither see it nor force it.
        blind = push.old_commit is None and await _serving(session, project.id) is None
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
        )
        ahead = await deployments.ahead_of(session, deployment)
    if ahead:
        other = ahead[-1]
        platform.logs.append(
            deployment.id,
            f"-----> Waiting for {other.user_name}'s push of {other.commit[:9]} ({other.state})",
        )
    platform.queue.wake()
    return deployment.id
