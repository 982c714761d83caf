"""The audit log: who did what, from which key, when, with what result."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException
from deployzero.models.deployment import User
from deployzero.store import events

OK = "ok"
LONGEST_DETAIL = 500
LONGEST_APP = 50


@asynccontextmanager
async def recorded(
    platform: Platform,
    user: User,
    *,
    action: str,
    app: str = "",
    detail: str = "",
    refusals_only: bool = False,
) -> AsyncIterator[None]:
    """Record how the block ended. refusals_only: only if it was refused."""
    try:
        yield
    except DeployZeroException as error:
        await _add(platform, user, action, app, detail, error.message)
        raise
    if not refusals_only:
        await _add(platform, user, action, app, detail, OK)


async def _add(
    platform: Platform, user: User, action: str, app: str, detail: str, result: str
) -> None:
    async with platform.database.begin() as session:
        await events.add(
            session,
            user=user.name,
            key_fingerprint=user.key_fingerprint,
            action=action,
            app=app[:LONGEST_APP],
            detail=detail[:LONGEST_DETAIL],
            result=result[:LONGEST_DETAIL],
        )
    platform.bus.publish("events")
