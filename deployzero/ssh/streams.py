"""What a command reads and writes on an SSH session, terminal or not."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import asyncssh

from deployzero.source.channel import ClientGoneError


class Input:
    """The session's standard input as bytes; a signal or break from the terminal ends it."""

    def __init__(self, reader: asyncssh.SSHReader[bytes]) -> None:
        self._reader = reader

    async def read(self, n: int = -1) -> bytes:
        while True:
            try:
                return await self._reader.read(n)
            except asyncssh.TerminalSizeChanged:
                continue
            except (asyncssh.BreakReceived, asyncssh.SignalReceived):
                return b""


class Output:
    """Standard output or error. A raw terminal gets CR LF for each line's end."""

    def __init__(self, writer: asyncssh.SSHWriter[bytes], raw: bool) -> None:
        self._writer = writer
        self._raw = raw

    def write(self, data: bytes | str) -> None:
        """Raises BrokenPipeError when the client has gone."""
        data = data.encode("utf-8", "replace") if isinstance(data, str) else data
        self._writer.write(data.replace(b"\n", b"\r\n") if self._raw else data)

    async def drain(self) -> None:
        await self._writer.drain()


class GitChannel:
    """A git session's two streams; a lost connection is a client that has gone."""

    def __init__(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self._process = process

    async def read(self, n: int, /) -> bytes:
        with _gone():
            return await self._process.stdin.read(n)

    async def readexactly(self, n: int, /) -> bytes:
        with _gone():
            return await self._process.stdin.readexactly(n)

    def write(self, data: bytes, /) -> None:
        with _gone():
            self._process.stdout.write(data)

    async def drain(self) -> None:
        with _gone():
            await self._process.stdout.drain()


@contextlib.contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except (asyncssh.Error, ConnectionError) as error:
        raise ClientGoneError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Streams:
    stdin: Input
    stdout: Output
    stderr: Output
    terminal: str | None
    """Its type ('xterm-256color'), None when the client asked for none (`ssh -t` asks)."""
    width: int
    """Columns; 0: not known."""
