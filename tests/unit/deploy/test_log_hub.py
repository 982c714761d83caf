"""Following logs, with an engine that can be told what to do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployzero.deploy import log_hub, log_outlet
from deployzero.deploy.log_archive import LogArchive
from deployzero.deploy.log_hub import LogHub
from deployzero.deploy.log_outlet import Subscriber
from deployzero.errors import ContainerError
from deployzero.models.runtime_log import RuntimeLine, Skipped
from deployzero.runtime.container import ContainerEvent, ContainerSummary
from deployzero.runtime.engine_stream import NoSuchContainerError
from deployzero.runtime.log_entries import LogEntry

LIMIT = 30.0


def stamp(n: int) -> str:
    return f"2999-01-01T00:00:00.{n:09d}Z"


def container(name: str, deployment_id: int = 1, **labels: str) -> ContainerSummary:
    return ContainerSummary(
        name, "hello", deployment_id, "web", 1, "image", True, "", name * 32, 0.0, labels
    )


@dataclass
class FakeEngine:
    """One log a container; a stream ends when it is told to."""

    containers: list[ContainerSummary] = field(default_factory=list)
    lines: dict[str, list[LogEntry]] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    happened: asyncio.Queue[ContainerEvent | None] = field(default_factory=asyncio.Queue)
    epoch: int = 0
    opened: list[str] = field(default_factory=list)

    async def print(self, one: ContainerSummary, *numbers: int) -> None:
        async with self.changed:
            self.lines.setdefault(one.id, []).extend(
                LogEntry(stamp(n), f"line {n} s3cret-value") for n in numbers
            )
            self.changed.notify_all()

    async def cut(self) -> None:
        async with self.changed:
            self.epoch += 1
            self.changed.notify_all()

    async def ping(self) -> str:
        return "1"

    async def living(self) -> list[tuple[ContainerSummary, Any]]:
        known = [(each, await release(each.deployment_id)) for each in self.containers]
        return [(each, of[1]) for each, of in known if of is not None]

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[ContainerEvent]]:
        async def all_of_them() -> AsyncIterator[ContainerEvent]:
            while (event := await self.happened.get()) is not None:
                yield event

        yield all_of_them()

    @asynccontextmanager
    async def logs(
        self, container_id: str, *, since: str = "", tail: int | None = None, follow: bool = False
    ) -> AsyncIterator[AsyncIterator[list[LogEntry]]]:
        if container_id not in self.lines:
            raise NoSuchContainerError("gone")
        self.opened.append(container_id)

        async def batches() -> AsyncIterator[list[LogEntry]]:
            epoch, sent = self.epoch, 0
            while True:
                async with self.changed:
                    all_of_them = [e for e in self.lines.get(container_id, ()) if e.at >= since]
                    if not follow or epoch != self.epoch:
                        # As seen: a followed log may end right before its last line.
                        if not follow:
                            yield all_of_them[sent:]
                        return
                    if len(all_of_them) == sent:
                        await self.changed.wait()
                        continue
                yield all_of_them[sent:]
                sent = len(all_of_them)

        yield batches()


async def release(deployment_id: int) -> tuple[int, Any] | None:
    projects = {1: 7, 2: 7, 3: 8}
    if deployment_id not in projects:
        return None
    return projects[deployment_id], lambda text: text.replace("s3cret-value", "[redacted]")


class Reader:
    def __init__(self, subscriber: Subscriber) -> None:
        self._batches = subscriber.batches()
        self.lines: list[RuntimeLine] = []

    async def until(self, text: str) -> list[str]:
        async with asyncio.timeout(LIMIT):
            while not any(line.text == text for line in self.lines):
                batch = await anext(self._batches)
                self.lines += [line for line in batch if isinstance(line, RuntimeLine)]
        return [line.text.removeprefix("line ").removesuffix(" [redacted]") for line in self.lines]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def archive(tmp_path: Path) -> LogArchive:
    return LogArchive(tmp_path, 1_000_000)


@pytest.fixture
def hub(engine: FakeEngine, archive: LogArchive) -> LogHub:
    return LogHub(engine, archive)  # type: ignore[arg-type]


def everything(_: str) -> bool:
    return True


async def test_followers_share_a_stream_and_it_ends_with_the_last_of_them(
    engine: FakeEngine, hub: LogHub
) -> None:
    one = container("aa")
    engine.containers = [one]
    await engine.print(one, 1)
    async with hub.subscribe(7, engine.living, release, everything) as first:
        async with hub.subscribe(7, engine.living, release, everything) as second:
            readers = [Reader(first), Reader(second)]
            await readers[0].until("line 1 [redacted]")
            await engine.print(one, 2)
            for reader in readers:
                assert (await reader.until("line 2 [redacted]"))[-1] == "2"
        assert engine.opened == [one.id]
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    async with asyncio.timeout(LIMIT):
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_line_comes_once_over_lost_streams_restarts_and_releases(
    engine: FakeEngine, hub: LogHub, archive: LogArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_hub, "LOOK", 0.01)
    old, new, foreign = container("aa", 1), container("bb", 2), container("cc", 3)
    engine.containers = [old]
    await engine.print(old, 1, 2)
    async with hub.subscribe(7, engine.living, release, everything) as subscriber:
        reader = Reader(subscriber)
        await reader.until("line 2 [redacted]")
        await engine.cut()
        await engine.print(old, 3)
        await reader.until("line 3 [redacted]")
        for started in (new, foreign):
            await engine.print(started, 4)
            engine.happened.put_nowait(ContainerEvent("start", started))
        await reader.until("line 4 [redacted]")
        # The old one prints once more; that is in the archive alone, it is removed already.
        kept = [(stamp(n), f"line {n} [redacted]") for n in (1, 2, 3, 5)]
        archive.write(7, old.source, 1, old.id, kept)
        del engine.lines[old.id]
        await engine.cut()
        assert await reader.until("line 5 [redacted]") == ["1", "2", "3", "4", "5"]


async def test_what_starts_while_the_engine_was_away_is_found(
    engine: FakeEngine, hub: LogHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_hub, "RETRY", 0.01)
    one = container("aa")
    async with hub.subscribe(7, engine.living, release, everything) as subscriber:
        engine.containers = [one]
        await engine.print(one, 1)
        engine.happened.put_nowait(None)
        assert await Reader(subscriber).until("line 1 [redacted]") == ["1"]


async def test_runs_that_somebody_sits_at_are_not_followed(engine: FakeEngine, hub: LogHub) -> None:
    sat_at, web = container("aa", **{"deployzero.run": "foreground"}), container("bb")
    engine.containers = [sat_at, web]
    await engine.print(sat_at, 1)
    await engine.print(web, 2)
    async with hub.subscribe(7, engine.living, release, everything) as subscriber:
        assert await Reader(subscriber).until("line 2 [redacted]") == ["2"]


async def test_all_who_come_while_a_slow_engine_lists_are_served(
    engine: FakeEngine, hub: LogHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_hub, "READY_LIMIT", LIMIT)
    listing, listed = asyncio.Event(), asyncio.Event()

    async def slow() -> list[tuple[ContainerSummary, Any]]:
        listing.set()
        await listed.wait()
        return []

    monkeypatch.setattr(engine, "living", slow)

    async def follow(project_id: int) -> None:
        async with hub.subscribe(project_id, engine.living, release, everything):
            pass

    async with asyncio.TaskGroup() as followers:
        followers.create_task(follow(7))
        await listing.wait()
        followers.create_task(follow(8))
        await asyncio.sleep(0)
        listed.set()


async def test_a_dead_engine_is_told(
    engine: FakeEngine, hub: LogHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_hub, "READY_LIMIT", 0.01)

    async def hangs() -> list[tuple[ContainerSummary, Any]]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(engine, "living", hangs)
    with pytest.raises(ContainerError):
        async with hub.subscribe(7, engine.living, release, everything):
            pass


async def test_a_slow_reader_is_told_how_many_lines_it_missed() -> None:
    subscriber = Subscriber(lambda source: source == "web.1")
    for n in range(log_outlet.QUEUE + 10):
        subscriber.put("web.1", [RuntimeLine(stamp(n), "web.1", f"line {n}", "aa")])
        subscriber.put("worker.1", [RuntimeLine(stamp(n), "worker.1", "other", "bb")])
    subscriber.put("web.1", [], skipped=5)
    batch = await anext(subscriber.batches())
    assert batch[0] == Skipped(15)
    assert len(batch) == log_outlet.QUEUE + 1
    assert batch[-1] == RuntimeLine(stamp(n), "web.1", f"line {n}", "aa")


async def test_a_closed_hub_lets_its_followers_go(engine: FakeEngine, hub: LogHub) -> None:
    async with hub.subscribe(7, engine.living, release, everything) as subscriber:
        hub.close()
        assert [batch async for batch in subscriber.batches()] == []
    async with hub.subscribe(7, engine.living, release, everything) as late:
        assert [batch async for batch in late.batches()] == []
