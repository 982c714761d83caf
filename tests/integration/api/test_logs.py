"""What an app prints, over HTTP: how it ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deployzero.models.runtime_log import RuntimeLine
from deployzero.operations import api_keys, logs

LIMIT = 20.0
LINE = RuntimeLine("2026-11-23T04:00:00.123456789Z", "web.1", "x" * 1000, "c0ffee")


async def test_what_is_cut_off_before_all_there_is_was_read_is_closed(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await api.person("ana")
    await api.app("hello", ana)
    ended = asyncio.Event()

    async def lines() -> AsyncIterator[list[RuntimeLine]]:
        try:
            yield [LINE] * 20_000
        finally:
            ended.set()

    coming = lines()  # held here: nothing but the route closes it
    monkeypatch.setattr(logs, "follow", lambda *_: coming)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(
        "GET /projects/hello/logs?follow=1 HTTP/1.1\r\nHost: x\r\n"
        f"X-API-Key: {api.keys['ana']}\r\n\r\n".encode()
    )
    async with asyncio.timeout(LIMIT):
        await reader.readuntil(b"\r\n\r\n")
        (key,) = await api_keys.list_keys(api.platform, ana)
        await api_keys.remove(api.platform, ana, key.id)  # which `ana` asks with
        await ended.wait()
    writer.transport.abort()
