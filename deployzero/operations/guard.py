"""What ends a command or a stream before its time, or lets it not begin."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

from deployzero.deploy.platform import Platform
from deployzero.errors import (
    DeployZeroException,
    ForbiddenError,
    TooManyRequestsError,
    UnauthenticatedError,
)
from deployzero.models.access import Role
from deployzero.models.deployment import User
from deployzero.operations.access import PEOPLE, still_may
from deployzero.operations.api_keys import still_signed_in
from deployzero.source.channel import ClientGoneError

logger = logging.getLogger(__name__)

T = TypeVar("T")

QUICK = 0.2
"""Most commands have ended after so many seconds, and need no watching."""
CHECK_SECONDS = 5.0
LAST_WORDS = 1.0
MOST_STREAMS = 25
"""Of one user at once, over HTTP."""
RETRY_SECONDS = 10


@contextlib.contextmanager
def streaming(platform: Platform, user: User) -> Iterator[None]:
    """Follow a log, or sit at a program, over HTTP. Raises TooManyRequestsError."""
    if platform.streams[user.id] >= MOST_STREAMS:
        raise TooManyRequestsError(
            f"{MOST_STREAMS} streams of yours are open: logs that you follow, programs, pages",
            "Close one of them, then try again.",
            RETRY_SECONDS,
        )
    platform.streams[user.id] += 1
    try:
        yield
    finally:
        platform.streams[user.id] -= 1
        if not platform.streams[user.id]:
            del platform.streams[user.id]


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
    project_id: the app itself, since somebody may rename it meanwhile. An API key that signed
    the user in must stay, too, whether an app is concerned or not.
    Raises ClientGoneError, ForbiddenError, UnauthenticatedError; `work` is cancelled then and
    has ended.
    """
    task = asyncio.ensure_future(work)
    others: set[asyncio.Future[Any]] = set()
    taken: asyncio.Future[DeployZeroException] | None = None
    try:
        await asyncio.wait({task}, timeout=QUICK)
        if not task.done():
            left = asyncio.ensure_future(wait_closed())
            others = {left}
            if app or user.api_key_id is not None:
                taken = asyncio.ensure_future(_taken(platform, user, app, project_id, needs))
                others.add(taken)
            await asyncio.wait({task, *others}, return_when=asyncio.FIRST_COMPLETED)
            if not left.done():  # an app that goes may still have to tell how it ended
                await asyncio.wait({task}, timeout=LAST_WORDS)
        if task.done():
            return task.result()
        if left.done() or taken is None:
            raise ClientGoneError("the client hung up")
        raise taken.result()
    finally:
        for each in (task, *others):
            each.cancel()
        await asyncio.gather(task, *others, return_exceptions=True)


async def _taken(
    platform: Platform, user: User, app: str, project_id: int | None, needs: Role
) -> DeployZeroException:
    """Why the user may not do this any more, once that is so; nothing else ends it."""
    with platform.bus.subscribe(PEOPLE) as changed:
        fresh = 0.0
        while (why := await why_not(platform, user, app, project_id, needs, fresh)) is None:
            fresh = CHECK_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await changed.wait()
                    fresh = 0.0
            changed.clear()
    return why


async def why_not(
    platform: Platform, user: User, app: str, project_id: int | None, needs: Role, fresh: float
) -> DeployZeroException | None:
    """Why the user may not go on with this; None: they may, or it is not known.

    fresh: for how many seconds it is enough to have looked, for another stream of theirs.
    """

    async def look() -> DeployZeroException | None:
        return await _why_not(platform, user, app, project_id, needs)

    return await platform.looks.at((user, app, project_id, needs), look, fresh)


async def _why_not(
    platform: Platform, user: User, app: str, project_id: int | None, needs: Role
) -> DeployZeroException | None:
    try:
        if not await still_signed_in(platform, user):
            return UnauthenticatedError(
                "your API key was removed or has expired, or your role was taken",
                "Sign in again: deployzero login",
            )
        if app and not await still_may(platform, user, project_id, needs):
            return ForbiddenError(
                f"{app} is gone, or your access to it was taken", "`apps:list` shows what is yours."
            )
    except DeployZeroException as error:
        logger.error("whether %s may go on with what runs is not known: %s", user.name, error)
    except Exception:
        logger.exception("whether %s may go on with what runs is not known", user.name)
    return None
