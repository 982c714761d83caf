"""What takes a deployment's secrets out of lines, made once for all who read them."""

import asyncio
from collections.abc import Callable

from deployzero.logs.redaction import Redact

MOST_KEPT = 8
"""One of half a megabyte of secrets has some 20 MB."""


class Redactions:
    """By deployment; the last few that were asked for are kept."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._made: dict[int, Redact] = {}

    async def get(self, deployment_id: int, make: Callable[[], Redact]) -> Redact:
        """make: called in a thread where there is none yet; what it raises is raised."""
        async with self._lock:
            made = self._made.pop(deployment_id, None)
            if made is None:
                made = await asyncio.to_thread(make)
            self._made[deployment_id] = made
            if len(self._made) > MOST_KEPT:
                del self._made[next(iter(self._made))]
            return made
