"""What ends a command before its time: its client hangs up, or what it needs is taken."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException, ForbiddenError
from deployzero.models.access import Role
from deployzero.models.deployment import User
from deployzero.operations.access import PEOPLE, still_may
from deployzero.source.channel import ClientGoneError

logger = logging.getLogger(__name__)

T = TypeVar("T")

QUICK = 0.2
"""Most commands have ended after so many seconds, and need no watching."""
CHECK_SECONDS = 5.0


async def guarded(
    work: Coroutine[Any, Any, T],
    wait_closed: Callable[[], Awaitable[None]],
    platform: Platform,
    user: User,
    app: str,
    needs: Role,
) -> T:
    """Run `work` to its end, unless the session ends or the user loses what the app needs.

    wait_closed: returns once the client has hung up. app: empty if none is concerned.
    Raises ClientGoneError, ForbiddenError; `work` is cancelled then and has ended.
    """
    task = asyncio.ensure_future(work)
    others: set[asyncio.Future[Any]] = set()
    try:
        await asyncio.wait({task}, timeout=QUICK)
        if not task.done():
            left = asyncio.ensure_future(wait_closed())
            others = {left}
            if app:
                others.add(asyncio.ensure_future(_taken(platform, user, app, needs)))
            await asyncio.wait({task, *others}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if left.done():
            raise ClientGoneError("the client hung up")
        raise ForbiddenError(f"your access to {app} was taken", "Ask an owner of it.")
    finally:
        for each in (task, *others):
            each.cancel()
        await asyncio.gather(task, *others, return_exceptions=True)


async def _taken(platform: Platform, user: User, app: str, needs: Role) -> None:
    """Returns once the user may not do this any more."""
    with platform.bus.subscribe(PEOPLE) as changed:
        while await _still_may(platform, user, app, needs):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), CHECK_SECONDS)
            changed.clear()


async def _still_may(platform: Platform, user: User, app: str, needs: Role) -> bool:
    try:
        return await still_may(platform, user, app, needs)
    except DeployZeroException as error:
        logger.error("whether %s may go on with %s is not known: %s", user.name, app, error)
        return True
