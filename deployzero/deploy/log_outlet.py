"""From a followed container to those who follow it: each line once, fit to be shown, bounded."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from collections.abc import Set as AbstractSet

from deployzero.deploy.log_archive import SHORT
from deployzero.logs.redaction import Redact
from deployzero.logs.text import clean_lines, cut
from deployzero.models.runtime_log import RuntimeLine, Skipped
from deployzero.runtime.container import ContainerSummary
from deployzero.runtime.log_entries import LogEntry

QUEUE = 4000
"""Lines that wait for a slow reader; the oldest make room."""
RECENT = 2000
"""Lines whose times are known, so that none comes twice when a stream is opened again."""
BUDGET = 20_000
"""Lines a second of one container; what is beyond is counted, not shown."""


class Subscriber:
    """Lines for one reader, bounded."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        """wanted: whether a source (`web.1`) is."""
        self._wanted = wanted
        self._lines: deque[RuntimeLine] = deque(maxlen=QUEUE)
        self._skipped = 0
        self._wake = asyncio.Event()
        self._closed = False

    def put(self, source: str, lines: Sequence[RuntimeLine], skipped: int = 0) -> None:
        """All of one source. skipped: that came, but are not among them."""
        if (lines or skipped) and self._wanted(source):
            self._skipped += skipped + max(0, len(self._lines) + len(lines) - QUEUE)
            self._lines.extend(lines)
            self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    async def batches(self) -> AsyncIterator[list[RuntimeLine | Skipped]]:
        """All that has gathered, each time; ends when the server does."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            taken: list[RuntimeLine | Skipped] = [Skipped(self._skipped)] if self._skipped else []
            taken += self._lines
            self._lines.clear()
            self._skipped = 0
            if taken:
                yield taken
            if self._closed:
                return


class Outlet:
    """From a container's entries to all subscribers of its app: each line once."""

    def __init__(
        self,
        subscribers: AbstractSet[Subscriber],
        container: ContainerSummary,
        redact: Redact,
        since: str,
    ) -> None:
        """subscribers: whoever is in the set when lines come."""
        self.last = since
        """The newest time that came by."""
        self._subscribers = subscribers
        self._source = container.source
        self._container = container.id[:SHORT]
        self._redact = redact
        self._recent: deque[str] = deque(maxlen=RECENT)
        self._known: set[str] = set()
        self._second = 0
        self._count = 0

    def put(self, entries: list[LogEntry]) -> None:
        lines, skipped = [], 0
        for entry in entries:
            if entry.at <= self.last and self._came(entry.at):
                continue
            self._remember(entry.at)
            if self._over_budget():
                skipped += 1
                continue
            text = readable(entry.text, self._redact)
            lines.append(RuntimeLine(entry.at, self._source, text, self._container))
        for subscriber in self._subscribers:
            subscriber.put(self._source, lines, skipped)

    def _came(self, at: str) -> bool:
        """An engine may also go back to a file's begin when it rotates it (seen on 20.10)."""
        full = len(self._recent) == RECENT
        return at in self._known or (full and at < self._recent[0])

    def _remember(self, at: str) -> None:
        if len(self._recent) == RECENT:
            self._known.discard(self._recent[0])
        self._recent.append(at)
        self._known.add(at)
        self.last = max(self.last, at)

    def _over_budget(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        return self._count > BUDGET


def readable(text: str, redact: Redact) -> str:
    """Fit for a terminal, and without secrets."""
    return cut(redact(clean_lines(text)[0]))
