"""How a deployment's row ends; the end of a push stands in the audit log as well."""

import asyncio
import shutil
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.plan import OWN_CODE
from deployzero.deploy.platform import Platform
from deployzero.models.deployment import Deployment, Project, State
from deployzero.store import deployments, events

LONGEST = 500


async def end(
    platform: Platform,
    deployment_id: int,
    to: State,
    reason: str,
    timings: dict[str, float] | None = None,
) -> Deployment:
    """As `error` or `cancelled`. Raises ConflictError if it has ended before.

    reason: without the deployment's secrets once it is stored.
    """
    reason = platform.logs.redacted(deployment_id, reason)
    async with platform.database.begin() as session:
        ended = await deployments.transition(
            session, deployment_id, to, reason=reason, timings=timings
        )
        await record(session, ended)
    platform.metrics.ended(ended)
    platform.bus.publish("events")
    return ended


async def cancel_waiting(platform: Platform, deployment_id: int, by: str) -> None:
    """End one that no worker has taken. Raises ConflictError if it has ended before."""
    ended = await end(platform, deployment_id, State.CANCELLED, f"cancelled by {by}")
    platform.logs.append(deployment_id, f" !     cancelled by {by} before its turn came")
    await platform.logs.end(deployment_id)
    await remove_checkout(ended)


def what_stays(project: Project, live: Deployment | None) -> str:
    """What an app is after a deployment that did not go live, in words."""
    if project.destroying:
        return "The app is destroyed."
    if live is None:
        return "Nothing is live yet, as before."
    if project.stopped:
        return "The app stays stopped; nothing was changed."
    return f"v{live.release} goes on serving; nothing was changed."


async def remove_checkout(deployment: Deployment) -> None:
    """An empty one is none: the path '' would be the server's own folder."""
    if deployment.checkout:
        await asyncio.to_thread(shutil.rmtree, Path(deployment.checkout), ignore_errors=True)


async def record(session: AsyncSession, ended: Deployment) -> None:
    """A push's end, in the audit log. Commands record themselves."""
    if ended.kind not in OWN_CODE:
        return
    await events.add(
        session,
        user=ended.user_name,
        key_fingerprint=ended.key_fingerprint,
        action="push",
        app=ended.app,
        project_id=ended.project_id,
        detail=f"{ended.commit[:9]} {ended.branch}",
        result=f"ok: v{ended.release}" if ended.state is State.LIVE else ended.reason[:LONGEST],
    )
