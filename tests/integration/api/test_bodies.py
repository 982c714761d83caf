"""What somebody sends who means no good: bounded in size, in time and in number."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deployzero.api import bodies, connection

LIMIT = 10.0
HEAD = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"


@contextlib.asynccontextmanager
async def connected(
    api: Any,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(LIMIT):
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        try:
            yield reader, writer
        finally:
            writer.close()


async def test_a_body_that_does_not_come_is_not_waited_for(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "SECONDS", 0.2)
    for path in ("/auth/login", "/login"):  # the API's, and a page
        async with connected(api) as (reader, writer):
            writer.write(f"{HEAD.replace('/auth/login', path)}\r\n{{".encode())
            answer = await reader.read()  # to its end: the connection is closed
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"took more than 0.2 seconds" in answer


async def test_without_a_key_a_body_is_small(api: Any) -> None:
    sent = {"username": "ada", "password": "x" * bodies.MOST_WITHOUT_KEY}
    assert (await api.post("/auth/login", json=sent)).status_code == 413
    assert (await api.post("/auth/login", "root", json=sent)).status_code == 422


async def test_all_bodies_together_are_bounded_and_small_ones_always_taken(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_AT_ONCE", 100_000)
    large, small = {"name": "x" * 80_000}, {"name": "x" * 1_000}
    key = f"X-API-Key: {api.keys['root']}\r\n"
    async with connected(api) as (_, writer):
        writer.write(f"{HEAD.replace('1000', '70000')}{key}\r\n".encode() + b" " * 60_000)
        async with asyncio.timeout(LIMIT):
            refused = await api.post("/projects", "root", json=large)
            while refused.status_code == 422:  # what the other sends is still on its way
                refused = await api.post("/projects", "root", json=large)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert (await api.post("/projects", "root", json=small)).status_code == 422
    async with asyncio.timeout(LIMIT):
        while (await api.post("/projects", "root", json=large)).status_code != 422:
            pass  # that it has gone is yet to be noticed


async def test_a_requests_head_must_come_to_its_end(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    whole = b"GET /projects HTTP/1.1\r\nHost: x\r\n\r\n"
    async with connected(api) as (reader, _):
        assert await reader.read() == b""
    for before in (b"", whole):
        async with connected(api) as (reader, writer):
            writer.write(before)
            if before:
                assert b" 401 " in await reader.readuntil(b"\r\n")
            with contextlib.suppress(ConnectionError):
                while not reader.at_eof():  # a byte now and then is not enough
                    writer.write(b"G")
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await reader.read(1000)


async def test_connections_are_bounded_in_number(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await api.get("/auth/me", "root")).status_code == 200
    monkeypatch.setattr(connection, "MOST", 2)
    async with connected(api) as (first, _), connected(api) as (second, _):
        with contextlib.suppress(ConnectionError):
            assert await second.read() == b""
        assert not first.at_eof()
        assert (await api.get("/auth/me", "root")).status_code == 200
