"""A WebSocket as the place of somebody who sits at a program.

From the client: binary messages are the program's input; text is JSON, `{"type": "eof"}`,
`{"type": "resize", "columns": 80, "rows": 24}` or `{"type": "signal", "name": "INT"}`. To it:
binary messages of one byte, 1 for output and 2 for errors, and what was printed.
"""

import asyncio
import contextlib
from typing import Annotated, Literal

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from deployzero.api.strict import Strict
from deployzero.api.words import MOST_WORDS, Word
from deployzero.errors import UsageError
from deployzero.operations.terminal import Signal, WindowSize
from deployzero.runtime.attachment import STDOUT
from deployzero.source.channel import ClientGoneError

FIRST_SECONDS = 30.0
"""In which the client is to say what it wants."""
LOOK = 5.0
Cells = Annotated[int, Field(ge=0, le=10_000)]


class Command(Strict):
    """The client's first message."""

    command: list[Word] = Field(default=[], max_length=MOST_WORDS)
    terminal: str | None = Field(None, pattern=r"^[!-~]{1,64}$")
    """Its type, `xterm-256color`; null: the program gets none."""
    columns: Cells = 80
    rows: Cells = 24
    entrypoint: bool = True
    """false: without the ENTRYPOINT of its Dockerfile."""


class EndOfInput(BaseModel):
    type: Literal["eof"]


class Resize(BaseModel):
    type: Literal["resize"]
    columns: Cells
    rows: Cells


class Interrupt(BaseModel):
    type: Literal["signal"]
    name: Annotated[str, Field(max_length=16)]


CONTROL: TypeAdapter[EndOfInput | Resize | Interrupt] = TypeAdapter(
    Annotated[EndOfInput | Resize | Interrupt, Field(discriminator="type")]
)


class Seat:
    """As operations.terminal.Sitter. Nothing is read ahead: the program sets the pace."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._reading = False
        self.gone = asyncio.Event()
        """The client has left, or has sent what cannot be read."""
        self.refused: UsageError | None = None

    async def first(self) -> Command:
        """Raises UsageError, ClientGoneError."""
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                message = await self._next()
            text = message if isinstance(message, str) else ""
            return Command.model_validate_json(text)
        except TimeoutError as error:
            raise UsageError(f"no command came within {FIRST_SECONDS:g} seconds") from error
        except ValidationError as error:
            raise _unreadable("first message", error) from error
        except ConnectionError as error:
            raise ClientGoneError(str(error)) from error

    async def receive(self) -> bytes | WindowSize | Signal | None:
        while not (message := await self._next()):
            pass  # an empty message says nothing
        if isinstance(message, bytes):
            return message
        try:
            control = CONTROL.validate_json(message)
        except ValidationError as error:
            self.refused = _unreadable("message", error)
            self.gone.set()
            raise ConnectionError(self.refused.message) from error
        if isinstance(control, Resize):
            return WindowSize(control.columns, control.rows)
        return Signal(control.name) if isinstance(control, Interrupt) else b""

    async def send(self, source: int, data: bytes) -> None:
        try:
            await self._websocket.send_bytes(bytes((source,)) + data)
        except (WebSocketDisconnect, RuntimeError) as error:
            self.gone.set()
            raise ConnectionError("the client has left") from error

    async def wait_closed(self) -> None:
        """While the program reads nothing nobody reads here: then only writing shows it."""
        while not self.gone.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self.gone.wait()
            if not self._reading:
                with contextlib.suppress(ConnectionError):
                    await self.send(STDOUT, b"")

    async def _next(self) -> bytes | str:
        self._reading = True
        try:
            message = await self._websocket.receive()
        finally:
            self._reading = False
        if message["type"] == "websocket.disconnect":
            self.gone.set()
            raise ConnectionError("the client has left")
        data: bytes | str | None = message.get("bytes")
        return message.get("text", "") if data is None else data


def _unreadable(what: str, error: ValidationError) -> UsageError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return UsageError(
        f"the {what} cannot be read: {where or 'it'}: {first['msg']}",
        'The first is {"command": ["ls"], "terminal": null}; binary ones are the input.',
    )
