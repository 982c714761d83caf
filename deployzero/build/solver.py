"""One BuildKit build from the event loop: followed live, limited in time, cancelled cleanly."""

import asyncio
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

import requests
from docker import APIClient
from docker.errors import DockerException, ImageNotFound

from deployzero.build.buildkit import Build, Order, Solved
from deployzero.build.engine import Engine, refused
from deployzero.build.failure import explain
from deployzero.build.progress import Progress
from deployzero.errors import DeployZeroException, ResourceLimitError

Explain = Callable[[str, str | None, Sequence[str]], DeployZeroException]
STOP_SECONDS = 10.0
"""How long a cancelled build may take to end before its connection is closed."""


@dataclass(frozen=True, slots=True)
class Solution:
    image_id: str
    steps: int
    cached: int


@dataclass(slots=True)
class _Lines:
    """From the thread that reads the engine into the event loop, until the build has ended."""

    on_line: Callable[[str], None]
    loop: asyncio.AbstractEventLoop
    ended: bool = False

    def post(self, text: str) -> None:
        # The loop may be gone while the thread still reads the engine's last words.
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._line, text)

    def _line(self, text: str) -> None:
        if not self.ended:
            self.on_line(text)


async def solve(
    engine: Engine,
    order: Order,
    context: IO[bytes],
    on_line: Callable[[str], None],
    *,
    seconds: float,
    begun: float | None = None,
    hidden: Sequence[str] = (),
    explain: Explain = explain,
) -> Solution:
    """Build; `on_line` is called in the event loop. `hidden` values never reach it or an error.
    `explain` makes the error of the engine's words, the step that failed and its output.

    Raises BuildError, or ResourceLimitError `seconds` after `begun` (the loop's time; None:
    now). However it ends, nothing of it runs on.
    """
    client = await engine.client()
    loop = asyncio.get_running_loop()
    lines = _Lines(on_line, loop)
    redact = functools.partial(_redacted, hidden)
    build = Build(client, order)
    progress = Progress(lines.post, redact)
    running = asyncio.ensure_future(engine.run(build.run, context, progress.take))
    try:
        async with asyncio.timeout_at((loop.time() if begun is None else begun) + seconds):
            solved = await asyncio.shield(running)
    except TimeoutError:
        await _stop(engine, build, order, running)
        raise out_of_time(seconds, progress.tail_of_current()) from None
    except asyncio.CancelledError:
        await _stop(engine, build, order, running)
        raise
    except (DockerException, requests.RequestException) as error:
        raise refused(error) from error
    finally:
        lines.ended = True
    if solved.error:
        raise explain(redact(solved.error), progress.failed, progress.tail)
    return Solution(solved.image_id, progress.steps, progress.cached)


def _redacted(hidden: Sequence[str], text: str) -> str:
    for value in hidden:
        text = text.replace(value, "[redacted]")
    return text


def out_of_time(seconds: float, tail: Sequence[str] = ()) -> ResourceLimitError:
    """A build that took longer than it may; `tail` is what its last step said."""
    return ResourceLimitError(
        f"build stopped after {seconds:g} s",
        "Make it quicker, or raise DEPLOYZERO_BUILD_TIMEOUT on the server.",
        tail,
    )


async def _stop(
    engine: Engine, build: Build, order: Order, running: "asyncio.Future[Solved]"
) -> None:
    """Cancel at the engine until the build has ended; it may not have begun there yet."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            while not running.done():
                await _cancel(engine, build)
                await asyncio.wait([running], timeout=0.2)
    except TimeoutError:
        build.abandon()
        await asyncio.wait([running], timeout=1)
    if running.done() and not running.cancelled() and running.exception() is None:
        if running.result().image_id:  # it was done before the cancel came
            await engine.call(lambda client: _untag(client, order.tag))
    else:
        running.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _cancel(engine: Engine, build: Build) -> None:
    try:
        await engine.run(build.cancel)
    except requests.RequestException:
        return  # tried again until STOP_SECONDS are over


def _untag(client: APIClient, tag: str) -> None:
    try:
        client.remove_image(tag)
    except ImageNotFound:
        return
