"""Programs that somebody sits at, over a WebSocket: here the program is this test's own."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from deployzero.api import seat
from deployzero.models.access import Role, Scope
from deployzero.operations import events, runs
from deployzero.runtime.attachment import STDERR, STDOUT, Attachment
from deployzero.runtime.engine_stream import FRAME, EngineStream
from deployzero.store import users

LIMIT = 20.0


@dataclass
class Program:
    """Echoes its input in upper case, complains at its end, and has exit code 3."""

    words: tuple[str, ...] = ()
    terminal: str | None = None
    told: list[Any] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    reads: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.asynccontextmanager
    async def running(
        self, _: Any, __: Any, app: str, words: Sequence[str], terminal: str | None, **rest: Any
    ) -> AsyncIterator[Attachment]:
        self.words, self.terminal = tuple(words), terminal
        self.told.append(rest.get("own_entrypoint"))
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stream = cast(EngineStream, SimpleNamespace(reader=reader, writer=writer))

        async def tell(*what: object) -> None:
            self.told.append(what)

        async def exit_code() -> int:
            return 3

        try:
            yield Attachment(stream, terminal is not None, tell, tell, exit_code, tell)
        finally:
            writer.close()
            listener.close()
            self.ended.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = self.terminal is None
        await self.reads.wait()
        while data := await reader.read(10_000):
            writer.write((FRAME.pack(STDOUT, len(data)) if frames else b"") + data.upper())
            await writer.drain()
        writer.write((FRAME.pack(STDERR, 4) if frames else b"") + b"done")
        writer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def program(api: Any, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Of ana's app hello, which bob may look at and eve may not."""
    made = Program()
    made.reads.set()
    monkeypatch.setattr(runs, "running", made.running)
    monkeypatch.setattr(runs, "entering", made.running)
    ana = await api.person("ana")
    await api.person("bob")
    await api.person("eve")
    await api.app("hello", ana, bob=Role.VIEWER)
    return made


@contextlib.asynccontextmanager
async def socket(
    api: Any, key: str = "", path: str = "/projects/hello/run"
) -> AsyncIterator[ClientConnection]:
    url = f"ws://127.0.0.1:{api.port}{path}"
    headers = {"X-API-Key": key or api.keys["ana"]}
    async with asyncio.timeout(LIMIT), connect(url, additional_headers=headers, proxy=None) as made:
        yield made


async def heard(connection: ClientConnection) -> tuple[bytes, bytes, dict[str, Any]]:
    """Output, errors and the last message."""
    out: dict[int, bytes] = {STDOUT: b"", STDERR: b""}
    last: dict[str, Any] = {}
    with contextlib.suppress(ConnectionClosed):
        while True:
            message = await connection.recv()
            if isinstance(message, bytes):
                out[message[0]] += message[1:]
            else:
                assert not last
                last = json.loads(message)
    return out[STDOUT], out[STDERR], last


@pytest.mark.parametrize("path", ["run", "enter"])
async def test_input_output_and_exit_code_go_through(api: Any, program: Program, path: str) -> None:
    async with socket(api, path=f"/projects/hello/{path}") as connection:
        await connection.send(json.dumps({"command": ["cat", "--secret"], "entrypoint": False}))
        hearing = asyncio.create_task(heard(connection))
        for _ in range(100):
            await connection.send(b"a" * 50_000)
        await connection.send(json.dumps({"type": "eof"}))
        await connection.send(json.dumps({"type": "signal", "name": "TERM"}))
        assert await hearing == (b"A" * 5_000_000, b"done", {"type": "exit", "code": 3})
        assert connection.close_code == 1000
    assert (program.words, program.terminal) == (("cat", "--secret"), None)
    root = await api.person("boss", "admin")
    (event,) = await events.list_events(api.platform, root, "hello")
    assert (event.action, event.detail, event.result) == (path, "cat …", "exit code 3")


async def test_a_terminal_has_its_size_and_its_signals(api: Any, program: Program) -> None:
    async with socket(api) as connection:
        first = {"command": ["top"], "terminal": "xterm", "columns": 100, "rows": 30}
        await connection.send(json.dumps(first))
        await connection.send(json.dumps({"type": "resize", "columns": 90, "rows": 20}))
        await connection.send(json.dumps({"type": "signal", "name": "INT"}))
        await connection.send(json.dumps({"type": "eof"}))
        out, _, last = await heard(connection)
    assert (out, last["code"], program.terminal) == (b"\x03done", 3, "xterm")
    assert program.told == [True, (100, 30), (90, 20)]


async def test_who_may_not_run_is_refused_before_it_opens(api: Any, program: Program) -> None:
    async with api.platform.database.read() as session:
        ana = await users.by_name(session, "ana")
    read = await api.key(ana, Scope.READ)
    for key, status in (("x", 401), (api.keys["eve"], 404), (api.keys["bob"], 403), (read, 403)):
        for path in ("/projects/hello/run", "/projects/hello/enter"):
            with pytest.raises(InvalidStatus) as refused:
                async with socket(api, key, path):
                    pass
            response = refused.value.response
            assert (response.status_code, "hint" in json.loads(response.body or b"")) == (
                status,
                True,
            )
    assert not program.words


async def test_what_cannot_be_read_is_told_and_ends_it(api: Any, program: Program) -> None:
    for first in ("x", "[]", '{"comand": []}', b"x", '{"command": "ls"}', '{"rows": -1}'):
        async with socket(api) as connection:
            await connection.send(first)
            *_, last = await heard(connection)
        assert (last["type"], last["status"], bool(last["hint"])) == ("error", 422, True), first
    assert not program.words
    for later in ("x", '{"type": "x"}', '{"type": "resize"}'):
        program.ended.clear()
        async with socket(api) as connection:
            await connection.send('{"command": ["cat"]}')
            await connection.send(later)
            *_, last = await heard(connection)
        assert (last["type"], last["status"]) == ("error", 422), later
        await asyncio.wait_for(program.ended.wait(), LIMIT)
    async with socket(api) as connection:
        await connection.send('{"command": ["cat"]}')
        await connection.send(b"x" * ((1 << 20) + 1))
        await heard(connection)
        assert connection.close_code == 1009


async def test_without_a_release_it_says_so(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    async with socket(api) as connection:
        await connection.send('{"command": ["ls"]}')
        *_, last = await heard(connection)
    assert (last["type"], last["status"], last["hint"]) == ("error", 409, "Push it first.")


async def test_the_program_ends_with_its_client(
    api: Any, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with socket(api) as connection:
        await connection.send('{"command": ["cat"]}')
        await connection.send(b"a")
        assert await connection.recv() == b"\x01A"
    await asyncio.wait_for(program.ended.wait(), LIMIT)

    # Also while it reads nothing, and so nobody reads what the client sends.
    monkeypatch.setattr(seat, "LOOK", 0.05)
    program.ended.clear()
    program.reads.clear()
    async with socket(api) as connection:
        await connection.send('{"command": ["sleep", "60"]}')
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    await connection.send(b"x" * 1_000_000)
        connection.transport.abort()
    await asyncio.wait_for(program.ended.wait(), LIMIT)
    program.reads.set()
