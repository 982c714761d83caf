"""Which one-off runs the watch removes."""

import asyncio
import dataclasses
import time
from types import SimpleNamespace
from typing import Any

from deployzero.deploy import runs
from deployzero.deploy.release import Release
from deployzero.errors import ConflictError
from deployzero.models.project import ProjectConfig
from deployzero.runtime.container import ContainerSpec, ContainerSummary
from deployzero.settings import Settings

MINUTE = 60.0


def run(name: str, kind: str, age: float, running: bool = True) -> ContainerSummary:
    marks = {"deployzero.run": kind}
    created = time.time() - age
    return ContainerSummary(
        name, "hello", 1, "run", 1000, "image", running, "", name, created, marks
    )


async def test_many_at_once_are_never_more_than_the_most_and_have_a_number_each() -> None:
    started: list[ContainerSpec] = []

    async def start(spec: ContainerSpec) -> None:
        await asyncio.sleep(0)
        started.append(spec)

    async def list_containers(*_: str) -> list[ContainerSummary]:
        found = [dataclasses.replace(run("", "detached", 1), index=each.index) for each in started]
        await asyncio.sleep(0)  # as it was when the engine looked
        return found

    platform: Any = SimpleNamespace(
        runtime=SimpleNamespace(start=start, list_containers=list_containers),
        settings=Settings(), run_numbers=set(), run_locks={},
    )  # fmt: skip
    live: Any = SimpleNamespace(app="hello", id=1, image="image")
    release = Release(live, ProjectConfig("python"), {}, {}, None)
    many = (runs.detached(platform, release, ("true",), "ann") for _ in range(100))
    done = await asyncio.gather(*many, return_exceptions=True)
    assert len(started) == len({spec.index for spec in started}) == runs.MOST
    assert {type(each) for each in done} == {str, ConflictError}
    assert platform.run_numbers == set()


class FakeRuntime:
    def __init__(self, *found: ContainerSummary) -> None:
        self.found = found
        self.stopped: list[str] = []
        self.removed: list[str] = []

    async def list_containers(self, *marks: str) -> list[ContainerSummary]:
        assert marks == ("deployzero.run",)
        return list(self.found)

    async def find(self, name: str) -> None:
        return None

    async def status(self, name: str) -> Any:
        ended = None if name == "created" else time.time()
        return SimpleNamespace(running=False, finished_at=ended)

    async def stop(self, name: str, grace: float) -> None:
        self.stopped.append(name)

    async def remove(self, name: str) -> None:
        self.removed.append(name)


async def test_what_has_ended_is_too_old_or_was_left_goes_and_nothing_else() -> None:
    runtime = FakeRuntime(
        run("working", "detached", 10 * MINUTE),
        run("ended", "detached", 1, running=False),
        run("created", "detached", 1, running=False),
        run("too-old", "detached", 1000 * MINUTE),
        run("sat-at", "foreground", 10 * MINUTE),
        run("just-begun", "foreground", 1),
        run("left", "foreground", 10 * MINUTE),
        run("left-and-ended", "foreground", 10 * MINUTE, running=False),
    )
    settings = SimpleNamespace(max_run_seconds=500 * MINUTE, stop_grace=1)
    platform: Any = SimpleNamespace(runtime=runtime, settings=settings, sat_at={"sat-at"})
    await runs.sweep(platform)
    assert runtime.removed == ["ended", "too-old", "left", "left-and-ended"]
    assert runtime.stopped == ["too-old", "left"]
