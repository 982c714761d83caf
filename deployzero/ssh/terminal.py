"""A session joined to a program."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import asyncssh

from deployzero.operations import terminal
from deployzero.operations.terminal import Signal, WindowSize
from deployzero.runtime.attachment import STDERR, Attachment
from deployzero.ssh.streams import Streams


async def join(streams: Streams, program: Attachment, limit: float) -> int:
    """As `operations.terminal.join`."""
    size = WindowSize(streams.width, streams.height)
    return await terminal.join(_Session(streams), program, size, limit)


@dataclass(frozen=True, slots=True)
class _Session:
    streams: Streams

    async def receive(self) -> bytes | WindowSize | Signal | None:
        with _lost():
            return await self.streams.stdin.receive() or None

    async def send(self, source: int, data: bytes) -> None:
        out = self.streams.stderr if source == STDERR else self.streams.stdout
        with _lost():
            out.write_raw(data)
            await out.drain()

    async def wait_closed(self) -> None:
        await self.streams.wait_closed()


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except asyncssh.Error as error:
        raise ConnectionError(str(error)) from error
