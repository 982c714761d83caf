"""Changes to what is live, of config, processes or release: queued, followed, ended as pushes."""

from collections.abc import AsyncIterator

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError
from deployzero.models.access import Role
from deployzero.models.deployment import Outcome, State, User
from deployzero.models.release import NUMBERED, Change, Kind
from deployzero.operations.access import require
from deployzero.store import deployments


async def start_change(
    platform: Platform,
    user: User,
    app: str,
    kind: Kind,
    change: Change = Change(),  # noqa: B008 - it is frozen
    message: str = "",
) -> int:
    """Queue a deployment of what is live, changed; returns its id. Needs a deployer.

    message: what it does, as `releases` shows it; without secrets. Raises ConflictError if
    nothing is live, or the app is locked and this would be a new release.
    """
    async with platform.database.begin() as session:
        project = await require(session, user, app, Role.DEPLOYER)
        live = await deployments.live(session, project.id)
        if live is None:
            raise ConflictError(f"{app} is not deployed yet", "Push it first.")
        if project.locked_by and kind in NUMBERED:
            raise locked(app, project.locked_by)
        deployment = await deployments.create(
            session,
            project_id=project.id,
            user_id=user.id,
            branch=live.branch,
            commit=live.commit,
            old_commit=live.commit,
            message=message,
            kind=kind,
            change=platform.vault.seal_change(change),
        )
        ahead = await deployments.ahead_of(session, deployment)
    if ahead:
        other = ahead[-1]
        platform.logs.append(
            deployment.id,
            f"-----> Waiting for {other.user_name}'s {other.kind} ({other.state})",
        )
    platform.queue.wake()
    return deployment.id


def locked(app: str, by: str) -> ConflictError:
    return ConflictError(
        f"{app} is locked by {by}: no new release until it is unlocked",
        f"apps:unlock {app}",
    )


async def follow(platform: Platform, deployment_id: int) -> AsyncIterator[str]:
    """The deployment's log lines until it has ended."""
    async for line in platform.logs.follow(deployment_id):
        yield line.text


async def outcome(platform: Platform, deployment_id: int) -> Outcome:
    async with platform.database.read() as session:
        deployment = await deployments.get(session, deployment_id)
    live = deployment.state in (State.LIVE, State.RETIRED)
    return Outcome(live=live, reason=deployment.reason)
