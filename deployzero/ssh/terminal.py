"""A session joined to a program: bytes, window size and signals one way, bytes the other."""

import asyncio
import contextlib

import asyncssh

from deployzero.errors import ContainerError, ResourceLimitError
from deployzero.runtime.attachment import STDERR, Attachment
from deployzero.ssh.streams import Signal, Streams, WindowSize

GONE = 255
"""The exit code that nobody sees: the client has left."""
CTRL_C = b"\x03"


async def join(streams: Streams, program: Attachment, limit: float) -> int:
    """Until the program has ended, or the client has left; returns the exit code.

    The slower side sets the pace both ways. limit: seconds, ResourceLimitError then.
    """
    # A window that changed before the program was there is told by the first size.
    if program.terminal:
        await _resize(program, WindowSize(streams.width, streams.height))
    sending = asyncio.create_task(_send(streams, program))
    ending = asyncio.create_task(_receive(streams, program))
    leaving = asyncio.ensure_future(streams.wait_closed())
    try:
        await asyncio.wait({ending, leaving}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            return ending.result()
        if leaving.done():
            return GONE
        raise ResourceLimitError(
            f"the command did not end within {limit:g}s", "It was ended: MAX_RUN_SECONDS."
        )
    except (asyncssh.Error, ConnectionError):
        return GONE
    finally:
        for task in (sending, ending, leaving):
            task.cancel()
        await asyncio.gather(sending, ending, leaving, return_exceptions=True)


async def _send(streams: Streams, program: Attachment) -> None:
    with contextlib.suppress(ConnectionError):  # it reads no more
        while True:
            received = await streams.stdin.receive()
            if isinstance(received, WindowSize):
                await _resize(program, received)
            elif isinstance(received, Signal):
                await _signal(program, received)
            elif received:
                await program.write(received)
            else:
                program.end_input()
                return


async def _receive(streams: Streams, program: Attachment) -> int:
    async for source, data in program.output():
        out = streams.stderr if source == STDERR else streams.stdout
        out.write_raw(data)
        await out.drain()
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
