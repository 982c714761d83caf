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
LAST_WORDS = 1.0


async def guarded(
    work: Coroutine[Any, Any, T],
    wait_closed: Callable[[], Awaitable[None]],
    platform: Platform,
    user: User,
    app: str,
    project_id: int | None,
    needs: Role,
) -> T:
    """Run `work` to its end, unless the session ends or the user loses what the app needs.

    wait_closed: returns once the client has hung up. app: its name; empty if none is concerned.
    project_id: the app itself, since somebody may rename it meanwhile.
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
                others.add(asyncio.ensure_future(_taken(platform, user, project_id, needs)))
            await asyncio.wait({task, *others}, return_when=asyncio.FIRST_COMPLETED)
            if not left.done():  # an app that goes may still have to tell how it ended
                await asyncio.wait({task}, timeout=LAST_WORDS)
        if task.done():
            return task.result()
        if left.done():
            raise ClientGoneError("the client hung up")
        raise ForbiddenError(
            f"{app} is gone, or your access to it was taken", "`apps:list` shows what is yours."
        )
    finally:
        for each in (task, *others):
            each.cancel()
        await asyncio.gather(task, *others, return_exceptions=True)


async def _taken(platform: Platform, user: User, project_id: int | None, needs: Role) -> None:
    """Returns once the user may not do this any more; nothing else ends it."""
    with platform.bus.subscribe(PEOPLE) as changed:
        while await _still_may(platform, user, project_id, needs):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), CHECK_SECONDS)
            changed.clear()


async def _still_may(platform: Platform, user: User, project_id: int | None, needs: Role) -> bool:
    try:
        return await still_may(platform, user, project_id, needs)
    except DeployZeroException as error:
        logger.error("whether %s may go on with what runs is not known: %s", user.name, error)
    except Exception:
        logger.exception("whether %s may go on with what runs is not known", user.name)
    return True
