"""The two byte streams of a git session, whatever carries them, and git's pkt-lines on them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from deployzero.errors import SourceError

FLUSH = b"0000"
ALL_THERE_IS = 64 << 20
"""More than a session ever holds (12 MB), so that each read empties it: asyncssh gives the client
a whole new window for every piece that is taken from a full buffer, which then grows without
end (seen: 31 of 60 MB were in memory, with reads of 256 kB)."""


class Reader(Protocol):
    """asyncssh's SSHReader and asyncio's StreamReader both are one."""

    async def read(self, n: int, /) -> bytes: ...

    async def readexactly(self, n: int, /) -> bytes: ...


class Writer(Protocol):
    def write(self, data: bytes, /) -> None: ...

    async def drain(self) -> None: ...


class ClientGoneError(Exception):
    """The other side hung up; there is nobody to tell."""


async def read_exactly(reader: Reader, size: int) -> bytes:
    """`size` bytes. Raises ClientGoneError when the stream ends before."""
    try:
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        raise ClientGoneError from error


async def read_pkt_lines(reader: Reader, most: int) -> AsyncIterator[bytes]:
    """The pkt-lines up to the next flush. Raises SourceError if they are none, or too many."""
    for _ in range(most):
        prefix = await read_exactly(reader, 4)
        if prefix == FLUSH:
            return
        try:
            size = int(prefix, 16) if prefix.isalnum() else 0
        except ValueError:
            size = 0
        if size < 4:
            raise SourceError("the client does not speak git's protocol")
        yield await read_exactly(reader, size - 4)
    raise SourceError(f"more than {most} refs in one push", "Push them in several steps.")


def pkt_line(data: bytes) -> bytes:
    return b"%04x" % (len(data) + 4) + data
