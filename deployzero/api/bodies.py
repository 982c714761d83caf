"""Requests' bodies: bounded in size and time, and taken to their end, to have the answer read.

Most clients send all of a body before they read. Closing while it still comes resets the
connection, and the answer with it; so what is refused is thrown away for a while first.
"""

import asyncio
import contextlib
from dataclasses import dataclass

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST = 1 << 20
"""Bytes of a body that is read as a whole, which is before anybody has been let in …"""
MOST_WITHOUT_KEY = 32 << 10
"""… and where no API key came with it, as with signing in and the pages' forms."""
MOST_AT_ONCE = 64 << 20
"""Of all those together, beyond which none grows larger than one without a key."""
SECONDS = 15.0
"""In which such a body must have come."""
RETRY_SECONDS = 5
KEYS = {b"x-api-key", b"authorization"}
DRAINED = 256 << 20
DRAIN_SECONDS = 30.0
"""Of what nobody wants any more."""
UNLIMITED = "deployzero.body_unlimited"


def unlimited(request: Request) -> None:
    """The route reads the body piece by piece, and counts by itself."""
    request.scope[UNLIMITED] = True


class BoundedBodies:
    """ASGI middleware for every route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._held = _Held()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            body = _Body(scope, receive, send, self._held)
            try:
                await self._app(scope, body.receive, body.send)
            finally:
                body.let_go()
        else:
            await self._app(scope, receive, send)


@dataclass(slots=True)
class _Held:
    """Bytes of the bodies that are read as a whole, of all requests under way."""

    bytes: int = 0


class _Body:
    """One request's."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, held: _Held) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._all_held = held
        self._size = self._held = 0
        self._late = False
        self._until = asyncio.get_running_loop().time() + SECONDS
        headers = dict(scope["headers"])
        comes = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        self._ended = not comes
        self._most = MOST if KEYS & headers.keys() else MOST_WITHOUT_KEY

    async def receive(self) -> Message:
        """Raises HTTPException for more than it may be or for one that comes too slowly, where
        nobody has said `unlimited`."""
        if self._ended or UNLIMITED in self._scope:
            message = await self._receive()
            self._note(message)
            return message
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self._late = True
            raise HTTPException(408, f"the request took more than {SECONDS:g} seconds") from None
        self._note(message)
        self._hold(len(message.get("body", b"")))
        return message

    def let_go(self) -> None:
        """The request has ended."""
        self._all_held.bytes -= self._held

    def _hold(self, size: int) -> None:
        self._held += size
        self._all_held.bytes += size
        if self._size > self._most:
            raise HTTPException(413, f"the request is larger than {self._most:,} bytes")
        if self._size > MOST_WITHOUT_KEY and self._all_held.bytes > MOST_AT_ONCE:
            raise HTTPException(
                503, "too much is being sent at once", {"Retry-After": str(RETRY_SECONDS)}
            )

    async def send(self, message: Message) -> None:
        if self._ended:
            await self._send(message)
        elif message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"connection", b"close")]
            await self._send({**message, "headers": headers})
        elif message.get("more_body", False) or self._late:
            await self._send(message)
        else:  # the client has all of the answer; the connection stays until it has sent all
            await self._send({**message, "more_body": True})
            with contextlib.suppress(TimeoutError):
                await self._drain()
            await self._send({"type": "http.response.body"})

    async def _drain(self) -> None:
        most = self._size + DRAINED
        async with asyncio.timeout(DRAIN_SECONDS):
            while not self._ended and self._size < most:
                self._note(await self._receive())

    def _note(self, message: Message) -> None:
        self._size += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
