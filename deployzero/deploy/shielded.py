"""Work that no cancelling cuts off: a thread, which cannot be stopped, or half a commit."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


async def shielded(work: Awaitable[T]) -> T:
    """Await it; it has ended when this returns or raises, however often the caller is cancelled.

    A caller that was cancelled is told of nothing else: what the work raised then is logged.
    """
    task = asyncio.ensure_future(work)
    cut: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cut = error
    if cut is None:
        return task.result()
    if not task.cancelled() and (failed := task.exception()) is not None:
        logger.warning("behind a cancelled caller: %s: %s", type(failed).__name__, failed)
    raise cut
