"""A program's input and output, over one connection of the engine's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from deployzero.runtime.engine_stream import FRAME, EngineStream

CHUNK = 64 << 10
STDOUT, STDERR = 1, 2


@dataclass(frozen=True, slots=True)
class Attachment:
    """What somebody who runs a program holds. Nothing is read ahead: the reader sets the pace."""

    stream: EngineStream
    terminal: bool
    resize: Callable[[int, int], Awaitable[None]]
    """(columns, rows)."""
    signal: Callable[[str], Awaitable[None]]
    """Send `INT`, say."""
    exit_code: Callable[[], Awaitable[int]]
    """Wait until it has ended. Raises ContainerError when the engine went away meanwhile."""
    end: Callable[[], Awaitable[None]]
    """Kill it if it runs, and leave nothing behind. Always to be called; idempotent."""

    async def write(self, data: bytes) -> None:
        """Returns once there is room for more. Raises ConnectionError: nobody reads it."""
        self.stream.writer.write(data)
        await self.stream.writer.drain()

    def end_input(self) -> None:
        """End of file on its standard input."""
        if self.stream.writer.can_write_eof():
            self.stream.writer.write_eof()

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """(STDOUT or STDERR, bytes) until both have ended; with a terminal all is STDOUT."""
        reader = self.stream.reader
        try:
            while not self.terminal:
                source, left = FRAME.unpack(await reader.readexactly(FRAME.size))
                while left:
                    piece = await reader.read(min(left, CHUNK))
                    if not piece:
                        return
                    left -= len(piece)
                    yield source, piece
            while piece := await reader.read(CHUNK):
                yield STDOUT, piece
        except (asyncio.IncompleteReadError, ConnectionError):
            return
