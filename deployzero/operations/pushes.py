"""What a push asks of the platform: find or create the app, start, follow, ask the end."""

from collections.abc import AsyncIterator, Callable

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError
from deployzero.models.deployment import Outcome, Push, State, User
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
        live = await deployments.live(session, project.id)
        rows = await containers.of_deployment(session, live.id) if live else []
    serving = live is not None and not (rows and all(row.health == "down" for row in rows))
    return PushTarget(
        app=app,
        deploy_branch=project.deploy_branch,
        live_commit=live.commit if live and serving else None,
    )


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
        await projects.settle_deploy_branch(session, project.id, branch)


async def start_deployment(platform: Platform, wake: Callable[[], None], push: Push) -> int:
    """Queue the push; returns the deployment's id. It says for whom it waits, if it must."""
    async with platform.database.begin() as session:
        project = await visible_project(session, push.user, push.app)
        if project is None:
            raise ConflictError(f"the name {push.app} is taken", "Choose another name for the app.")
        deployment = await deployments.create(
            session,
            project_id=project.id,
            user_id=push.user.id,
            branch=push.branch,
            commit=push.new_commit,
            old_commit=push.old_commit,
            forced=push.forced,
            message=push.message,
            timings=push.timings,
            checkout=push.checkout,
        )
        ahead = await deployments.ahead_of(session, deployment)
    if ahead:
        other = ahead[-1]
        platform.logs.append(
            deployment.id,
            f"-----> Waiting for {other.user_name}'s push of {other.commit[:9]} ({other.state})",
        )
    wake()
    return deployment.id


async def follow(platform: Platform, deployment_id: int) -> AsyncIterator[str]:
    """The deployment's log lines until it has ended."""
    async for line in platform.logs.follow(deployment_id):
        yield line.text


async def outcome(platform: Platform, deployment_id: int) -> Outcome:
    async with platform.database.read() as session:
        deployment = await deployments.get(session, deployment_id)
    live = deployment.state in (State.LIVE, State.RETIRED)
    return Outcome(live=live, reason=deployment.reason)
