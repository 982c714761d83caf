"""Requests' bodies: bounded, and taken to their end so that the answer can be read.

Most clients send all of a body before they read. Closing while it still comes resets the
connection, and the answer with it; so what is refused is thrown away for a while first.
"""

import asyncio
import contextlib

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST = 1 << 20
"""Bytes of a body that is read as a whole, which is before anybody has been let in."""
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            body = _Body(scope, receive, send)
            await self._app(scope, body.receive, body.send)
        else:
            await self._app(scope, receive, send)


class _Body:
    """One request's."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._size = 0
        headers = dict(scope["headers"])
        comes = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        self._ended = not comes

    async def receive(self) -> Message:
        """Raises HTTPException for more than MOST, where nobody has said `unlimited`."""
        message = await self._receive()
        self._note(message)
        if self._size > MOST and UNLIMITED not in self._scope:
            raise HTTPException(413, f"the request is larger than {MOST:,} bytes")
        return message

    async def send(self, message: Message) -> None:
        if self._ended:
            await self._send(message)
        elif message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"connection", b"close")]
            await self._send({**message, "headers": headers})
        elif message.get("more_body", False):
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
