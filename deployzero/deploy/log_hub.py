"""Living logs, followed: one engine stream a container, whoever and however many follow it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from deployzero.deploy.log_archive import SHORT, LogArchive
from deployzero.deploy.log_outlet import Outlet, Subscriber
from deployzero.errors import ContainerError, DeployZeroException
from deployzero.logs.redaction import Redact
from deployzero.models.runtime_log import RuntimeLine
from deployzero.runtime import labels
from deployzero.runtime.container import ContainerEvent, ContainerSummary
from deployzero.runtime.engine_stream import NoSuchContainerError
from deployzero.runtime.runtime import Runtime

logger = logging.getLogger(__name__)

LOOK = 5.0
"""Seconds after which a container that has ended is looked at again by itself."""
RETRY = 1.0
READY_LIMIT = 15.0
OVERLAP = 2.0
"""Seconds before the subscription from which lines are read: clocks and races are within it."""
CATCH_UP = 100_000

Living = Callable[[], Awaitable[list[tuple[ContainerSummary, Redact]]]]
"""An app's containers on the engine, and what takes the secrets out of their lines."""
Release = Callable[[int], Awaitable[tuple[int, Redact] | None]]
"""A deployment's project and what takes its secrets out of a line; None: there is none."""


@dataclass(slots=True)
class _Tail:
    """One container that is followed."""

    container: ContainerSummary
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """It was started again, or removed."""
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Feed:
    """One app that is followed."""

    project_id: int
    living: Living
    release: Release
    since: str
    subscribers: set[Subscriber] = field(default_factory=set)
    tails: dict[str, _Tail] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class LogHub:
    """Used on the event loop. It reads nothing while nobody follows."""

    def __init__(self, runtime: Runtime, archive: LogArchive) -> None:
        self._runtime = runtime
        self._archive = archive
        self._feeds: dict[int, _Feed] = {}
        self._watching: asyncio.Task[None] | None = None
        self._listening = False
        self._closed = False

    @asynccontextmanager
    async def subscribe(
        self, project_id: int, living: Living, release: Release, wanted: Callable[[str], bool]
    ) -> AsyncIterator[Subscriber]:
        """Entered once every line from now on will come; some of just before come too.

        Raises ContainerError when the engine does not answer.
        """
        feed = self._feeds.get(project_id)
        if feed is None:
            feed = _Feed(project_id, living, release, _stamp(time.time() - OVERLAP))
            self._feeds[project_id] = feed
        subscriber = Subscriber(wanted)
        feed.subscribers.add(subscriber)
        if self._closed:
            subscriber.close()
        try:
            await self._begin(feed)
            yield subscriber
        finally:
            feed.subscribers.discard(subscriber)
            if not feed.subscribers:
                self._end(feed)

    @property
    def followers(self) -> int:
        return sum(len(feed.subscribers) for feed in self._feeds.values())

    def close(self) -> None:
        """Let all who follow go; for good."""
        self._closed = True
        for feed in list(self._feeds.values()):
            for subscriber in feed.subscribers:
                subscriber.close()

    async def _begin(self, feed: _Feed) -> None:
        if not feed.ready.is_set():
            await self._runtime.ping()  # tells at once when the engine is away
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="log events")
        elif self._listening and not feed.ready.is_set():
            await self._find(feed)
        try:
            async with asyncio.timeout(READY_LIMIT):
                await feed.ready.wait()
        except TimeoutError:
            raise ContainerError("the Docker Engine does not tell what runs") from None

    def _end(self, feed: _Feed) -> None:
        if self._feeds.get(feed.project_id) is feed:
            del self._feeds[feed.project_id]
        for tail in feed.tails.values():
            if tail.task is not None:
                tail.task.cancel()
        if not self._feeds and self._watching is not None:
            self._watching.cancel()
            self._watching, self._listening = None, False

    async def _watch(self) -> None:
        """Know what starts and ends; while the engine is away, look for it again and again."""
        while True:
            try:
                async with self._runtime.events() as events:
                    self._listening = True  # who comes while the others are found finds itself
                    for feed in list(self._feeds.values()):
                        await self._find(feed)
                    async for event in events:
                        await self._hear(event)
            except DeployZeroException as error:
                logger.info("following logs: %s", error.message)
            except Exception:  # the task's border: followers go on once it works again
                logger.exception("following logs")
            self._listening = False
            await asyncio.sleep(RETRY)

    async def _find(self, feed: _Feed) -> None:
        for container, redact in await feed.living():
            # What began before the first subscription is not news.
            self._tail(feed, container, redact, "" if feed.ready.is_set() else feed.since)
        feed.ready.set()

    async def _hear(self, event: ContainerEvent) -> None:
        for feed in list(self._feeds.values()):
            tail = feed.tails.get(event.container.id)
            if tail is not None:
                tail.wake.set()
            elif event.action == "start":
                known = await feed.release(event.container.deployment_id)
                if known is not None and known[0] == feed.project_id:
                    self._tail(feed, event.container, known[1], "")

    def _tail(self, feed: _Feed, container: ContainerSummary, redact: Redact, since: str) -> None:
        if container.id in feed.tails or not feed.subscribers:
            return
        if container.labels.get(labels.RUN) == labels.FOREGROUND:
            return  # what passes there is logged nowhere
        tail = feed.tails[container.id] = _Tail(container)
        tail.task = asyncio.create_task(self._read(feed, tail, redact, since))
        tail.task.add_done_callback(lambda _: feed.tails.pop(container.id, None))

    async def _read(self, feed: _Feed, tail: _Tail, redact: Redact, since: str) -> None:
        """All that the container prints, over restarts and lost streams, until it is removed."""
        out = Outlet(feed.subscribers, tail.container, redact, since)
        while True:
            try:
                tail.wake.clear()
                for follow in (True, False):  # an engine may cut a followed log's last lines off
                    async with self._runtime.logs(
                        tail.container.id, since=out.last, follow=follow
                    ) as batches:
                        async for entries in batches:
                            out.put(entries)
            except NoSuchContainerError:
                break
            except DeployZeroException as error:
                logger.info("following %s: %s", tail.container.name, error.message)
            except Exception:  # the task's border: the others' lines go on
                logger.exception("following %s", tail.container.name)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await tail.wake.wait()
        await self._catch_up(feed, tail.container, out.last)

    async def _catch_up(self, feed: _Feed, container: ContainerSummary, last: str) -> None:
        """What it printed last may be in the archive alone."""

        def after() -> list[RuntimeLine]:
            for archived in self._archive.every(feed.project_id):
                if archived.container == container.id[:SHORT]:
                    lines = self._archive.tail(archived, CATCH_UP)
                    return [line for line in lines if line.at > last]
            return []

        lines = await asyncio.to_thread(after)
        for subscriber in feed.subscribers:
            subscriber.put(container.source, lines)


def _stamp(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1e9):09d}Z"
