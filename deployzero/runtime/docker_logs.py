"""What containers print and what happens to them, as streams of the engine."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deployzero.runtime import labels
from deployzero.runtime.container import ContainerEvent
from deployzero.runtime.engine import TIMEOUT, Engine
from deployzero.runtime.engine_stream import path
from deployzero.runtime.inspection import event_of
from deployzero.runtime.log_entries import LogDecoder, LogEntry, seconds

CHUNK = 16 << 10
"""Bytes that are decoded at once, before others get their turn."""


class DockerLogs:
    def __init__(self, engine: Engine, instance: str) -> None:
        self._engine = engine
        self._instance = instance

    @asynccontextmanager
    async def read(
        self, container: str, since: str, tail: int | None, follow: bool
    ) -> AsyncIterator[AsyncIterator[list[LogEntry]]]:
        target = path(
            "containers",
            container,
            "logs",
            stdout=1,
            stderr=1,
            timestamps=1,
            follow=int(follow),
            since=seconds(since) if since else None,
            tail=tail,
        )
        opened = await self._engine.open("GET", target)
        try:
            yield _entries(opened.reader, None if follow else TIMEOUT)
        finally:
            opened.close()

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[ContainerEvent]]:
        filters = {
            "type": ["container"],
            "label": [f"{labels.INSTANCE}={self._instance}", labels.PROCESS],
            "event": ["start", "die", "destroy"],
        }
        opened = await self._engine.open("GET", path("events", filters=json.dumps(filters)))
        try:
            yield _events(opened.reader)
        finally:
            opened.close()


async def _entries(
    reader: asyncio.StreamReader, limit: float | None
) -> AsyncIterator[list[LogEntry]]:
    """limit: seconds without a word after which the engine counts as gone; None: any."""
    decoder = LogDecoder()
    try:
        while True:
            async with asyncio.timeout(limit):
                chunk = await reader.read(CHUNK)
            if not chunk:
                break
            if entries := decoder.feed(chunk):
                yield entries
                await asyncio.sleep(0)  # a full buffer would never let others have a turn
    except (ConnectionError, TimeoutError):
        pass  # it went away: what came until then is all that there is
    if entries := decoder.end():
        yield entries


async def _events(reader: asyncio.StreamReader) -> AsyncIterator[ContainerEvent]:
    try:
        while line := await reader.readline():
            yield event_of(json.loads(line))
    except (ConnectionError, ValueError):
        return
