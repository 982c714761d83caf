"""Changes to what is live, of config, processes or release: queued, followed, ended as pushes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, NotFoundError
from deployzero.models.access import Role
from deployzero.models.deployment import UNFINISHED, Deployment, LogLine, Outcome, State, User
from deployzero.models.number import HIGHEST
from deployzero.models.release import NUMBERED, Change, Kind
from deployzero.operations.access import require, visible_project
from deployzero.store import deployments, log_lines, releases

PAGE = 1000
DESTROYED = "the app was destroyed meanwhile"
CANCEL_LIMIT = 10.0
"""Seconds; a build or boot stops within two."""
NO_LINE = HIGHEST
"""Follow from there on: only the end of the log is waited for."""


async def start_change(
    platform: Platform,
    user: User,
    app: str,
    kind: Kind,
    change: Change = Change(),  # noqa: B008 - it is frozen
    message: str = "",
    idempotency_key: str | None = None,
) -> int:
    """Queue a deployment of what is live, changed; returns its id. Needs a deployer.

    message: what it does, as `releases` shows it; without secrets. Raises ConflictError if
    nothing is live, or the app is locked and this would be a new release; AlreadyStartedError
    if the app has a deployment by this key.
    """
    async with platform.database.begin() as session:
        project = await require(session, user, app, Role.DEPLOYER)
        live = await deployments.live(session, project.id)
        if live is None and kind is Kind.REBUILD:  # after a restore whose own rebuild failed
            live = next(iter(await releases.numbered(session, project.id, limit=1)), None)
        if live is None:
            raise ConflictError(f"{app} is not deployed yet", "Push it first.")
        if project.locked_by and kind in NUMBERED:
            raise locked(app, project.locked_by)
        deployment = await queue_change(
            platform, session, user, live, kind, change, message, idempotency_key
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


async def queue_change(
    platform: Platform,
    session: AsyncSession,
    user: User,
    live: Deployment,
    kind: Kind,
    change: Change,
    message: str,
    idempotency_key: str | None = None,
) -> Deployment:
    """The row of a deployment of what is live, changed; wake the queue after the transaction."""
    return await deployments.create(
        session,
        project_id=live.project_id,
        user_id=user.id,
        branch=live.branch,
        commit=live.commit,
        old_commit=live.commit,
        message=message,
        kind=kind,
        change=platform.vault.seal_change(change),
        key_fingerprint=user.key_fingerprint,
        idempotency_key=idempotency_key,
    )


async def check_new(
    platform: Platform, user: User, app: str, idempotency_key: str, kind: Kind
) -> None:
    """Before a request is looked at: whether it came before, and has started a deployment.

    Needs a deployer. Raises AlreadyStartedError; UsageError if that is of another kind.
    """
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.DEPLOYER)
        await deployments.check_new(session, project.id, idempotency_key, kind)


async def find(platform: Platform, user: User, deployment_id: int) -> Deployment:
    """Needs a viewer of its app. Raises NotFoundError, the same for one they may not see."""
    async with platform.database.read() as session:
        try:
            deployment = await deployments.get(session, deployment_id)
        except NotFoundError:
            deployment = None
        if deployment is None or await visible_project(session, user, deployment.app) is None:
            raise NotFoundError(f"there is no deployment {deployment_id}", "Look at its app's.")
    return deployment


async def cancel(platform: Platform, user: User, deployment_id: int) -> None:
    """Stop a deployment that waits or is under way; returns once all of it is undone.

    Needs a deployer of its app. Raises NotFoundError; ConflictError if it has ended before,
    went live first, or does not end within CANCEL_LIMIT.
    """
    deployment = await find(platform, user, deployment_id)
    async with platform.database.read() as session:
        await require(session, user, deployment.app, Role.DEPLOYER)
    if deployment.state in UNFINISHED:
        platform.queue.cancel(deployment_id, user.name)
        deployment = await _ended(platform, deployment_id)
        if deployment.state is State.CANCELLED:
            return
    raise ConflictError(
        f"deployment {deployment_id} of {deployment.app} had ended: it is {deployment.state}",
        f"`releases {deployment.app}` shows what is live.",
    )


async def _ended(platform: Platform, deployment_id: int) -> Deployment:
    try:
        async with asyncio.timeout(CANCEL_LIMIT):
            async for _ in platform.logs.follow(deployment_id, since=NO_LINE):
                pass
    except TimeoutError:
        raise ConflictError(
            f"deployment {deployment_id} does not end",
            "It was asked to; the server's log says what it is at.",
        ) from None
    async with platform.database.read() as session:
        return await deployments.get(session, deployment_id)


def locked(app: str, by: str) -> ConflictError:
    return ConflictError(
        f"{app} is locked by {by}: no new release until it is unlocked",
        f"apps:unlock {app}",
    )


async def follow(platform: Platform, deployment_id: int) -> AsyncIterator[str]:
    """The deployment's log lines until it has ended."""
    async for line in platform.logs.follow(deployment_id):
        yield line.text


def follow_lines(
    platform: Platform, deployment_id: int, since: int = 0
) -> AsyncGenerator[list[LogLine], None]:
    """The lines after number `since`, in batches, until it has ended."""
    return platform.logs.follow_batches(deployment_id, since)


async def lines_so_far(
    platform: Platform, deployment_id: int, since: int = 0
) -> AsyncGenerator[list[LogLine], None]:
    """The same, but for what is still to come."""
    ended = False
    while not ended:
        async with platform.database.read() as session:
            lines, ended = await log_lines.after(session, deployment_id, since, PAGE)
        if not lines:
            return
        yield lines
        since = lines[-1].seq


async def end_of(platform: Platform, deployment_id: int) -> Deployment | None:
    """For who has followed it to its end; None: its app was destroyed meanwhile."""
    async with platform.database.read() as session:
        try:
            return await deployments.get(session, deployment_id)
        except NotFoundError:
            return None


async def outcome(platform: Platform, deployment_id: int) -> Outcome:
    if (deployment := await end_of(platform, deployment_id)) is None:
        return Outcome(live=False, reason=DESTROYED)
    live = deployment.state in (State.LIVE, State.RETIRED)
    return Outcome(live=live, reason=deployment.reason)
