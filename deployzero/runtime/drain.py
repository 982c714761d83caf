"""Waiting until an old container has answered what it was asked."""

import asyncio
import time

from deployzero.runtime.runtime import Runtime
from deployzero.runtime.sockets import established

MINIMUM = 0.5
"""Seconds that are always given: a request may be on its way through the proxy."""
PAUSE = 0.05


async def drain(runtime: Runtime, name: str, port: int, limit: float) -> float:
    """Wait until nothing is connected to a container's port, at most `limit` seconds.

    Returns the seconds it took. Where its sockets cannot be read (another host), it waits
    for all of `limit`.
    """
    begun = time.monotonic()
    await asyncio.sleep(min(MINIMUM, limit))
    status = await runtime.status(name)
    if status is None or not status.running:
        return time.monotonic() - begun
    # There is nothing to be woken by: the kernel only shows the sockets when asked.
    while time.monotonic() - begun < limit and _busy(status.pid, port):  # noqa: ASYNC110
        await asyncio.sleep(PAUSE)
    return time.monotonic() - begun


def _busy(pid: int, port: int) -> bool:
    count = established(pid, port)
    return count is None or count > 0
