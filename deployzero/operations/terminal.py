"""Somebody joined to a program: bytes, window size and signals one way, bytes the other."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Protocol

from deployzero.errors import ContainerError, ResourceLimitError
from deployzero.runtime.attachment import Attachment

logger = logging.getLogger(__name__)

GONE = 255
"""The exit code that nobody sees: the client has left."""
CTRL_C = b"\x03"


@dataclass(frozen=True, slots=True)
class WindowSize:
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class Signal:
    """The client asks that the program gets it: `INT`, `TERM`."""

    name: str


class Sitter(Protocol):
    """Who sits at the program, whatever lies between: an SSH session, a WebSocket."""

    async def receive(self) -> bytes | WindowSize | Signal | None:
        """What comes next; b"" is the end of the input, None of all. Raises ConnectionError."""

    async def send(self, source: int, data: bytes) -> None:
        """Of STDOUT or STDERR; returns once there is room for more. Raises ConnectionError."""

    async def wait_closed(self) -> None:
        """Returns once they have left."""


async def join(sitter: Sitter, program: Attachment, size: WindowSize, limit: float) -> int:
    """Until the program has ended, or the client has left; returns the exit code.

    The slower side sets the pace both ways. size: of the window; 0: not known. limit: seconds,
    ResourceLimitError then.
    """
    # A window that changed before the program was there is told by the first size.
    await _resize(program, size)
    sending = asyncio.create_task(_send(sitter, program))
    sending.add_done_callback(_log_failure)
    ending = asyncio.create_task(_receive(sitter, program))
    leaving = asyncio.ensure_future(sitter.wait_closed())
    try:
        await asyncio.wait({ending, leaving}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            return ending.result()
        if leaving.done():
            return GONE
        raise ResourceLimitError(
            f"the command did not end within {limit:g}s", "It was ended: MAX_RUN_SECONDS."
        )
    except ConnectionError:
        return GONE
    finally:
        for task in (sending, ending, leaving):
            task.cancel()
        await asyncio.gather(sending, ending, leaving, return_exceptions=True)


async def _send(sitter: Sitter, program: Attachment) -> None:
    with contextlib.suppress(ConnectionError):  # it reads no more
        while True:
            received = await sitter.receive()
            if isinstance(received, WindowSize):
                await _resize(program, received)
            elif isinstance(received, Signal):
                await _signal(program, received)
            elif received:
                await program.write(received)
            else:
                program.end_input()
                if received is None:
                    return


def _log_failure(sending: asyncio.Task[None]) -> None:
    """A program that gets no more input may go on, and end well."""
    if not sending.cancelled() and (error := sending.exception()) is not None:
        logger.error("a program's input was cut off", exc_info=error)


async def _receive(sitter: Sitter, program: Attachment) -> int:
    async for source, data in program.output():
        await sitter.send(source, data)
    return await program.exit_code()


async def _resize(program: Attachment, size: WindowSize) -> None:
    if program.terminal and size.columns > 0 and size.rows > 0:
        with contextlib.suppress(ContainerError):  # it has just ended
            await program.resize(size.columns, size.rows)


async def _signal(program: Attachment, signal: Signal) -> None:
    if program.terminal and signal.name == "INT":
        await program.write(CTRL_C)
    else:
        with contextlib.suppress(ContainerError):
            await program.signal(signal.name)
