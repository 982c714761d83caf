"""What many watch is looked at once for all of them, and one thing at a time.

However many pages and logs are open, their looks take one of the database's connections: the
more there are the longer each waits, and nobody else.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

MOST_KEPT = 1000


@dataclass(slots=True)
class Looks:
    """Those of one platform."""

    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _found: dict[Hashable, tuple[float, Any]] = field(default_factory=dict)
    """What was seen, and when the look at it began; the latest at the end."""

    async def at(self, key: Hashable, look: Callable[[], Awaitable[T]], fresh: float) -> T:
        """What `look` returns, or returned to another who asked by this key.

        fresh: seconds by which that look may have begun before this one was asked for; 0: it
        sees all that has happened until now. What `look` raises is for its own caller alone.
        """
        oldest = time.monotonic() - fresh
        async with self._turn:
            known = self._found.get(key)
            if known is not None and known[0] >= oldest:
                found: T = known[1]
                return found
            begun = time.monotonic()
            seen = await look()
            self._found.pop(key, None)
            self._found[key] = begun, seen
            if len(self._found) > MOST_KEPT:
                del self._found[next(iter(self._found))]
            return seen
