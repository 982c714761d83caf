"""What a command reads and writes on an SSH session, terminal or not."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import asyncssh

from deployzero.operations.terminal import Signal, WindowSize
from deployzero.source.channel import ALL_THERE_IS, ClientGoneError

CTRL_C, CTRL_D, CTRL_U = b"\x03", b"\x04", b"\x15"
BACKSPACES = b"\x08\x7f"
ERASE = b"\b \b"
LONGEST_LINE = 1024
"""Bytes that somebody may answer to a question …"""
ANSWER_LIMIT = 120.0
"""… and seconds that they may take."""

LOOK = 2.0
"""Seconds."""


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

    async def receive(self) -> bytes | WindowSize | Signal:
        """What comes next, for a program that has the session's terminal; b"" is the end."""
        try:
            return await self._reader.read(ALL_THERE_IS)
        except asyncssh.TerminalSizeChanged as change:
            return WindowSize(change.width, change.height)
        except asyncssh.BreakReceived:
            return Signal("INT")
        except asyncssh.SignalReceived as received:
            return Signal(received.signal)

    async def read_line(self, echo: "Output | None" = None) -> str | None:
        """One line without its end; what follows it stays to be read.

        echo: a raw terminal, on which what is typed must be shown and can be mended. None:
        there was no line (end of input), it is too long, or Ctrl-C or Ctrl-D gave it up.
        """
        line = bytearray()
        while (byte := await self.read(1)) and len(line) < LONGEST_LINE:
            if byte in b"\r\n":
                _show(echo, b"\n")
                return line.decode(errors="replace")
            if echo is None:
                line += byte
            elif byte == CTRL_C or (byte == CTRL_D and not line):
                _show(echo, b"^C\n" if byte == CTRL_C else b"\n")
                return None
            elif byte in BACKSPACES:
                if _drop_character(line):
                    _show(echo, ERASE)
            elif byte == CTRL_U:
                while _drop_character(line):
                    _show(echo, ERASE)
            elif byte >= b" ":
                line += byte
                _show(echo, byte)
        return line.decode(errors="replace") if line and not byte else None


def _drop_character(line: bytearray) -> bool:
    """Take the last character away, of as many bytes as UTF-8 has it; False: there is none."""
    if not line:
        return False
    while line and line.pop() & 0xC0 == 0x80:
        pass
    return True


def _show(echo: "Output | None", data: bytes) -> None:
    if echo is not None:
        echo.write(data)


class Output:
    """Standard output or error. A raw terminal gets CR LF for each line's end."""

    def __init__(self, writer: asyncssh.SSHWriter[bytes], raw: bool, colour: bool = False) -> None:
        self._writer = writer
        self._raw = raw
        self.colour = colour
        """Whether escape sequences for colours may be written."""

    def write(self, data: bytes | str) -> None:
        """Raises BrokenPipeError when the client has gone."""
        data = data.encode("utf-8", "replace") if isinstance(data, str) else data
        self._writer.write(data.replace(b"\n", b"\r\n") if self._raw else data)

    def write_raw(self, data: bytes) -> None:
        """As it is, for a program that has a terminal of its own."""
        self._writer.write(data)

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
    height: int
    """Rows; 0: not known."""
    wait_closed: Callable[[], Awaitable[None]]
    """Returns once the client has left."""


async def wait_closed(process: asyncssh.SSHServerProcess[bytes], gone: asyncio.Event) -> None:
    """Returns once the client has left, or reads no more (`departure`).

    The channel tells by itself only when all that the client sent was read, which may be
    never: so it is looked at as well.
    """
    while not process.channel.is_closing() and not gone.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await gone.wait()


async def ask(streams: Streams, question: str) -> str | None:
    """Ask on the session, never on the daemon's terminal; None: there was no answer in time."""
    streams.stderr.write(f"{question} ")
    await streams.stderr.drain()
    try:
        async with asyncio.timeout(ANSWER_LIMIT):
            return await streams.stdin.read_line(streams.stderr if streams.terminal else None)
    except TimeoutError:
        streams.stderr.write("\n")
        return None
