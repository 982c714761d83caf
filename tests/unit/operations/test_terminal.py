"""Somebody who sits at a program."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from deployzero.operations.terminal import WindowSize, join
from deployzero.runtime.attachment import STDOUT, Attachment


class Program:
    """It goes on until its input fails."""

    terminal = True

    def __init__(self) -> None:
        self.written = asyncio.Event()

    async def resize(self, columns: int, rows: int) -> None:
        pass

    async def write(self, data: bytes) -> None:
        self.written.set()
        raise ValueError("a mistake of ours")

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        await self.written.wait()
        yield STDOUT, b"bye"

    async def exit_code(self) -> int:
        return 0


class Sitter:
    async def receive(self) -> bytes:
        return b"hello"

    async def send(self, source: int, data: bytes) -> None:
        pass

    async def wait_closed(self) -> None:
        await asyncio.Event().wait()


async def test_input_that_a_mistake_cuts_off_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    program = cast(Attachment, Program())
    assert await join(Sitter(), program, WindowSize(80, 24), 20) == 0
    assert "a program's input was cut off" in caplog.text
    assert "a mistake of ours" in caplog.text
