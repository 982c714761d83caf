"""Logs as they come: as a response's lines, or as a WebSocket's messages.

The reader sets the pace: each `send` waits for room. What ends a stream early (the client has
left, the key or the access was taken, the server stops) is operations/guard.py's, as over SSH.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from deployzero.api.auth import platform_of
from deployzero.errors import DeployZeroException
from deployzero.models.access import Role
from deployzero.models.deployment import User
from deployzero.operations.guard import LAST_WORDS, guarded, streaming
from deployzero.source.channel import ClientGoneError

T = TypeVar("T")

NDJSON, TEXT = "application/x-ndjson", "text/plain"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept"}
"""Proxies are not to gather what is to be seen at once."""
BEAT = 15.0
"""Seconds of silence, then an empty line: what lies between must not think that all is over."""
PIECE = 200
"""Lines that are written at once; others have their turn in between."""
GOING_AWAY, NOT_ALLOWED = 1012, 1008
LONGEST_REASON = 100
"""Of a close frame, which holds 123 bytes."""

Write = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class OpenStreams:
    """Those of one server."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _count: int = 0
    _none: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        self._count += 1
        self._none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def end(self, limit: float) -> None:
        """Let each say how its deployment ended, if it has just done so, and go."""
        self.stopping.set()
        if self._count:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    await self._none.wait()


def open_streams(app: FastAPI) -> OpenStreams:
    streams: OpenStreams = app.state.streams
    return streams


@dataclass(frozen=True, slots=True)
class Watched:
    """What somebody needs as long as a stream is to go on."""

    connection: HTTPConnection
    user: User
    app: str
    project_id: int | None
    needs: Role = Role.VIEWER

    def taking_room(self) -> AbstractContextManager[None]:
        """For a stream that may go on for long. Raises TooManyRequestsError."""
        return streaming(platform_of(self.connection), self.user)

    async def run(self, work: Coroutine[Any, Any, T], left: Callable[[], Awaitable[object]]) -> T:
        """`work` to its end. Raises ClientGoneError when the client leaves or the server stops,
        ForbiddenError and UnauthenticatedError when what it needs is taken."""
        app: FastAPI = self.connection.app
        streams = open_streams(app)

        async def wait_closed() -> None:
            ends = [asyncio.ensure_future(left()), asyncio.ensure_future(streams.stopping.wait())]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if not ends[0].done():
                    await asyncio.wait(ends[:1], timeout=LAST_WORDS)
            finally:
                for end in ends:
                    end.cancel()
                await asyncio.gather(*ends, return_exceptions=True)

        with streams.counted():
            return await guarded(
                work,
                wait_closed,
                platform_of(self.connection),
                self.user,
                self.app,
                self.project_id,
                self.needs,
            )


class LineStream(Response):
    """A response that `work` writes. It ends early, without a word, where it is cut off: who
    asks again is told why."""

    def __init__(
        self,
        watched: Watched,
        work: Callable[[Write], Coroutine[Any, Any, None]],
        *,
        ndjson: bool,
        beat: bool,
    ) -> None:
        """beat: it may be silent for long."""
        super().__init__(media_type=NDJSON if ndjson else TEXT, headers=HEADERS)
        del self.headers["Content-Length"]
        self._watched = watched
        self._work = work
        self._beats = beat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        written = asyncio.Event()

        async def write(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})
            written.set()

        async def left() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        with self._watched.taking_room() if self._beats else contextlib.nullcontext():
            await self._answer(send, write, written, left)

    async def _answer(
        self,
        send: Send,
        write: Write,
        written: asyncio.Event,
        left: Callable[[], Awaitable[None]],
    ) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        beating = asyncio.create_task(_beat(write, written)) if self._beats else None
        try:
            with contextlib.suppress(ClientGoneError, DeployZeroException):
                await self._watched.run(self._work(write), left)
        finally:
            if beating is not None:
                beating.cancel()
                await asyncio.gather(beating, return_exceptions=True)
        await send({"type": "http.response.body"})


async def _beat(write: Write, written: asyncio.Event) -> None:
    while True:
        written.clear()
        try:
            async with asyncio.timeout(BEAT):
                await written.wait()
        except TimeoutError:
            await write(b"\n")


async def serve_socket(
    websocket: WebSocket, watched: Watched, work: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Accept, and run `work`, which sends; nothing that the client sends is looked at.

    Raises TooManyRequestsError before it accepts.
    """

    async def left() -> None:
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass

    with watched.taking_room(), contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await websocket.accept()  # from here on it may be closed at any time
        try:
            await watched.run(work(), left)
            await websocket.close()
        except ClientGoneError:
            if open_streams(websocket.app).stopping.is_set():
                await websocket.close(GOING_AWAY, "the server stops")
        except DeployZeroException as error:
            await websocket.close(NOT_ALLOWED, error.message[:LONGEST_REASON])


def wants_ndjson(request: Request) -> bool:
    """Text is for those who do not name it."""
    return NDJSON in request.headers.get("Accept", "").lower()


def ndjson(messages: Sequence[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in messages).encode()


async def in_pieces(
    batches: AsyncGenerator[list[T], None], write: Callable[[list[T]], Awaitable[None]]
) -> None:
    """All of them, in small lists."""
    async with contextlib.aclosing(batches):
        async for batch in batches:
            for at in range(0, len(batch), PIECE):
                await write(batch[at : at + PIECE])
                await asyncio.sleep(0)
