"""Redeploys under load: what is lost, and what another app feels of them."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import sample
from load import Load, p99
from target import Target
from warm_push import LIMIT

LOAD_RATE = 100.0
NEIGHBOUR_RATE = 50.0
"""Requests a second."""
IDLE_SECONDS = 20.0
AFTER_SECONDS = 15.0
"""How long the load goes on after the last push: the old release drains and stops then."""


@dataclass(frozen=True)
class Neighbour:
    """Seconds: another app's latency while nothing happens, and while pushes run."""

    idle_median: float
    idle_p99: float
    push_median: float
    push_p99: float
    lost: int
    exit_codes: list[int]

    @property
    def ratio(self) -> float:
        return self.push_p99 / self.idle_p99


@dataclass(frozen=True)
class Loaded:
    """The pushed app under a steady load; `results` counts statuses and failures by name."""

    sent: int
    lost: int
    results: dict[str, int]
    p99: float
    exit_codes: list[int]


async def measure_neighbour(
    target: Target, work: Path, app: str, neighbour: str, pages: list[str]
) -> Neighbour:
    load = Load(target.address, target.http_port, target.host(neighbour), NEIGHBOUR_RATE)
    running = asyncio.create_task(load.run())
    try:
        idle = [await _span(IDLE_SECONDS)]
        pushes = [await _push(target, work, app, page) for page in pages]
    finally:
        running.cancel()
        await asyncio.wait([running])
    quiet, busy = load.seconds(idle), load.seconds([span for _, span in pushes])
    return Neighbour(
        idle_median=median(quiet),
        idle_p99=p99(quiet),
        push_median=median(busy),
        push_p99=p99(busy),
        lost=_lost(load.results()),
        exit_codes=[code for code, _ in pushes],
    )


async def measure_load(target: Target, work: Path, app: str, pages: list[str]) -> Loaded:
    load = Load(target.address, target.http_port, target.host(app), LOAD_RATE)
    running = asyncio.create_task(load.run())
    try:
        await _span(1.0)
        pushes = [await _push(target, work, app, page) for page in pages]
        await _span(AFTER_SECONDS)
    finally:
        running.cancel()
        await asyncio.wait([running])
    results = load.results()
    return Loaded(
        sent=results.total(),
        lost=_lost(results),
        results=dict(results),
        p99=p99([answer.seconds for answer in load.answers]),
        exit_codes=[code for code, _ in pushes],
    )


def _lost(results: Counter[str]) -> int:
    return results.total() - results["200"]


async def _span(seconds: float) -> tuple[float, float]:
    """Let this much time go by; its begin and end."""
    began = time.monotonic()
    await asyncio.sleep(seconds)
    return began, time.monotonic()


async def _push(target: Target, work: Path, app: str, page: str) -> tuple[int, tuple[float, float]]:
    """Exit code, and when it ran. Nobody polls here: the counted requests are the witness."""
    await asyncio.to_thread(sample.change, work, page)
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        "git", "push", target.remote(app), "main", cwd=work, env=target.environment,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIMIT):
            code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return code, (began, time.monotonic())
