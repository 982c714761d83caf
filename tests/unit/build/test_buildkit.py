import asyncio
import io
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import APIClient

from deployzero.build.buildkit import Build, Order

ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[tuple[APIClient, socket.socket]]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    client = APIClient(base_url=f"unix://{tmp_path}/s", version="1.41")
    yield client, listener
    client.close()
    listener.close()


def answer(listener: socket.socket, *bodies: bytes, end: bool) -> socket.socket:
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(ANSWER + b"".join(b"%x\r\n%s\r\n" % (len(b), b) for b in bodies))
    if end:
        connection.sendall(b"0\r\n\r\n")
    return connection


async def test_an_engine_that_hangs_is_left(engine: tuple[APIClient, socket.socket]) -> None:
    client, listener = engine
    build = Build(client, Order("id", "tag", {}))
    following = asyncio.create_task(asyncio.to_thread(build.run, io.BytesIO(), lambda event: None))
    connection = await asyncio.to_thread(answer, listener, b'{"id":"x"}\n', end=False)
    async with asyncio.timeout(10):
        while build._response is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        build.abandon()
        await asyncio.wait([following])
    assert following.exception() is not None or following.result().error
    connection.close()


def test_messages_may_come_in_pieces(engine: tuple[APIClient, socket.socket]) -> None:
    client, listener = engine
    pieces = (b'{"id":"moby.image.id","aux":', b'{"ID":"sha256:1"}}\n{"stream"', b':"x"}')
    thread = threading.Thread(target=lambda: answer(listener, *pieces, end=True).close())
    thread.start()
    solved = Build(client, Order("id", "tag", {})).run(io.BytesIO(), lambda event: None)
    thread.join(10)
    assert (solved.image_id, solved.error) == ("sha256:1", "")
