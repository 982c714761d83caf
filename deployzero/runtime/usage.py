"""What a container uses now, as `docker stats` shows it."""

import asyncio
import datetime as dt
from dataclasses import dataclass
from typing import Any

from deployzero.runtime.container import parse_time
from deployzero.runtime.engine import Engine
from deployzero.runtime.engine_stream import NoSuchContainerError, path

PERIOD = 0.5
"""Seconds between two looks at the CPU's clock."""
INACTIVE_FILE = ("total_inactive_file", "inactive_file")
"""The page cache that the kernel gives back first: as cgroup v1 calls it, and v2."""


@dataclass(frozen=True, slots=True)
class Usage:
    cpus: float
    """Cores: 0.5 is half a core all the time."""
    memory_bytes: int
    memory_limit: int
    """The machine's memory when it has none of its own."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at: dt.datetime
    cpu_seconds: float
    memory_bytes: int
    memory_limit: int


async def usage(engine: Engine, name: str) -> Usage | None:
    """Over half a second. None: it does not run, or ended meanwhile. Raises ContainerError."""
    before = await _sample(engine, name)
    if before is None:
        return None
    await asyncio.sleep(PERIOD)
    after = await _sample(engine, name)
    return _between(before, after) if after is not None else None


async def _sample(engine: Engine, name: str) -> _Sample | None:
    query: dict[str, object] = {"stream": "false", "one-shot": "true"}
    try:
        return _read(await engine.ask("GET", path("containers", name, "stats", **query)))
    except NoSuchContainerError:
        return None


def _read(found: Any) -> _Sample | None:
    at = parse_time(found.get("read", ""))
    memory = found.get("memory_stats") or {}
    used = memory.get("usage", 0)
    if at is None or not used:  # the engine's answer for one that does not run
        return None
    parts = memory.get("stats") or {}
    cache = next((parts[name] for name in INACTIVE_FILE if name in parts), 0)
    return _Sample(
        at=at,
        cpu_seconds=found["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
        memory_bytes=used - cache if cache < used else used,
        memory_limit=memory.get("limit", 0),
    )


def _between(before: _Sample, after: _Sample) -> Usage:
    seconds = (after.at - before.at).total_seconds()
    # Less than before: it was started again meanwhile.
    used = max(0.0, after.cpu_seconds - before.cpu_seconds)
    return Usage(
        cpus=used / seconds if seconds > 0 else 0.0,
        memory_bytes=after.memory_bytes,
        memory_limit=after.memory_limit,
    )
