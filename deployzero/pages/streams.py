"""Server-sent events to a page: each stream ends with what let its reader in, or the server."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from deployzero.errors import DeployZeroException, ForbiddenError, NotFoundError
from deployzero.models.access import Role
from deployzero.operations.access import PEOPLE
from deployzero.operations.guard import streaming, why_not
from deployzero.pages.visit import Visit

AWAKE = 0.5
"""Seconds between two looks at whether the server ends."""
LOOK = 5.0
"""Seconds between two looks at whether the reader may still read."""
KEEP_ALIVE = 15.0
"""Seconds; proxies close a connection that says nothing."""
AHEAD = 1000
"""Events that may wait for a slow reader."""
LONGEST_ID = 64
TROUBLE = 10_000
"""Milliseconds until a browser asks again what could not be read."""
TAKEN = "You are signed out, or may not see this any more."
Events = AsyncGenerator[str, None]


def event(name: str, data: Any, id_: object = None) -> str:
    """One event as it travels. JSON, so that no line of an app can pass for another event."""
    number = "" if id_ is None else f"id: {id_}\n"
    return f"{number}event: {name}\ndata: {json.dumps(data)}\n\n"


def last_id(visit: Visit) -> str:
    """What the page has seen: of a stream that broke off, or of the page as it came."""
    seen = visit.request.headers.get("Last-Event-ID") or visit.request.query_params.get("since", "")
    return seen[:LONGEST_ID]


class EventStream(StreamingResponse):
    """The source's events until it ends. The browser comes back after a break."""

    def __init__(self, visit: Visit, app: str, project_id: int, source: Events) -> None:
        super().__init__(
            _guarded(visit, app, project_id, source),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )
        self._visit = visit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises TooManyRequestsError before it answers."""
        with streaming(self._visit.platform, self._visit.signed_in):
            await super().__call__(scope, receive, send)


async def with_state(
    lines: Events, state: Callable[[float], Awaitable[str]], every: float
) -> Events:
    """The lines, and the state at first and whenever it has changed; the lines' end is the end.

    state: is told how old what it returns may be. every: seconds between two looks at it.
    """
    queue: asyncio.Queue[str | None] = asyncio.Queue(AHEAD)
    told = await state(every)
    yield event("state", {"version": told})
    pump = asyncio.create_task(_pump(lines, queue))
    looked, ended = time.monotonic(), False
    try:
        while not ended:
            try:
                async with asyncio.timeout(every):
                    line = await queue.get()
            except TimeoutError:
                line = ""
            if line:
                yield line
            ended = line is None
            if ended or time.monotonic() - looked > every:
                looked = time.monotonic()
                if (now := await state(0 if ended else every)) != told:
                    told = now
                    yield event("state", {"version": told})
        pump.result()
    finally:
        pump.cancel()
        await asyncio.wait({pump})


async def _guarded(visit: Visit, app: str, project_id: int, source: Events) -> AsyncIterator[str]:
    user, platform = visit.signed_in, visit.platform
    queue: asyncio.Queue[str | None] = asyncio.Queue(AHEAD)
    pump = asyncio.create_task(_pump(_told(source), queue))
    looked = told = time.monotonic()
    yield "retry: 1000\n\n"
    try:
        with platform.bus.subscribe(PEOPLE) as changed:
            while not visit.request.app.state.pages_closing:
                events = await _next(queue)
                if changed.is_set() or time.monotonic() - looked > LOOK:
                    fresh = 0 if changed.is_set() else LOOK
                    changed.clear()
                    looked = time.monotonic()
                    if await why_not(platform, user, app, project_id, Role.VIEWER, fresh):
                        yield event("end", {"reason": TAKEN})
                        return
                if events:
                    yield "".join(each for each in events if each is not None)
                    told = time.monotonic()
                if None in events:
                    return
                if time.monotonic() - told > KEEP_ALIVE:
                    yield ": still here\n\n"
                    told = time.monotonic()
    finally:
        pump.cancel()
        await asyncio.wait({pump})


async def _pump(source: Events, queue: asyncio.Queue[str | None]) -> None:
    """All of the source's events, then None, however it ends."""
    try:
        async with aclosing(source) as events:
            async for each in events:
                await queue.put(each)
    finally:
        await queue.put(None)


async def _told(source: Events) -> Events:
    """The source's events; an error is the last one."""
    try:
        async with aclosing(source) as events:
            async for each in events:
                yield each
    except (NotFoundError, ForbiddenError) as error:
        yield event("end", {"reason": error.message})
    except DeployZeroException as error:  # the engine is away, say: the browser tries again
        yield f"retry: {TROUBLE}\n{event('trouble', {'reason': error.message})}"


async def _next(queue: asyncio.Queue[str | None]) -> list[str | None]:
    """All that waits; nothing when nothing comes for a while."""
    try:
        async with asyncio.timeout(AWAKE):
            found = [await queue.get()]
    except TimeoutError:
        return []
    while not queue.empty():
        found.append(queue.get_nowait())
    return found
