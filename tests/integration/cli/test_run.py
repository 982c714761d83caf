"""run: a program far away that behaves like one here."""

import asyncio
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from deployzero.client import running
from deployzero.client.accounts import Account
from deployzero.errors import UsageError

LIMIT = 20.0
Program = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]
STDOUT, STDERR = b"\x01", b"\x02"


@asynccontextmanager
async def serving(program: Program) -> AsyncIterator[dict[str, str]]:
    """A server whose only command is `program`; gives the command line's environment."""

    async def handle(connection: ServerConnection) -> None:
        await program(connection, json.loads(await connection.recv()))

    def check(_: ServerConnection, request: Request) -> Response | None:
        assert request.path == "/projects/hello/run"
        assert request.headers["X-API-Key"] == "dz_key"
        return None

    async with serve(
        handle, "127.0.0.1", 0, process_request=check, ping_interval=None, max_queue=4
    ) as server:
        port = server.sockets[0].getsockname()[1]
        yield {
            **os.environ,
            "DEPLOYZERO_SERVER": f"http://127.0.0.1:{port}",
            "DEPLOYZERO_API_KEY": "dz_key",
        }


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "deployzero", "run", "-a", "hello", *words]


async def test_no_key_follows_a_redirect() -> None:
    asked = []

    def elsewhere(_: ServerConnection, request: Request) -> None:
        asked.append(request)

    def redirect(_: ServerConnection, request: Request) -> Response:
        to = f"http://localhost:{other.sockets[0].getsockname()[1]}{request.path}"
        return Response(308, "Permanent Redirect", Headers(Location=to))

    async def nothing(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with (
        serve(nothing, "127.0.0.1", 0, process_request=elsewhere) as other,
        serve(nothing, "127.0.0.1", 0, process_request=redirect) as server,
    ):
        account = Account(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "dz_key")
        with pytest.raises(UsageError, match="says that it is at") as error:
            await asyncio.to_thread(
                running.run, account, "/projects/hello/run", ("true",), terminal=None
            )
        port = other.sockets[0].getsockname()[1]
    assert error.value.hint == f"deployzero login --server http://localhost:{port}"
    assert not asked


async def exited(connection: ServerConnection, code: int) -> None:
    await connection.send(json.dumps({"type": "exit", "code": code}))


async def start(env: dict[str, str], *words: str, **rest: Any) -> asyncio.subprocess.Process:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **rest}
    return await asyncio.create_subprocess_exec(*command(*words), env=env, **pipes)


async def test_streams_stay_apart_and_the_exit_code_is_the_programs() -> None:
    asked: dict[str, Any] = {}

    async def program(connection: ServerConnection, first: dict[str, Any]) -> None:
        asked.update(first)
        taken = b""
        while isinstance(message := await connection.recv(), bytes):
            taken += message
        assert json.loads(message) == {"type": "eof"}
        await connection.send(STDOUT + taken.upper())
        await connection.send(STDERR + b"\xff oh\n")
        await exited(connection, 42)

    async with serving(program) as env:
        process = await start(env, "python", "-c", "1 > 0", "--json", "-a", "x")
        out, err = await asyncio.wait_for(process.communicate(b"some input"), LIMIT)
    assert (process.returncode, out, err) == (42, b"SOME INPUT", b"\xff oh\n")
    assert asked["command"] == ["python", "-c", "1 > 0", "--json", "-a", "x"]
    assert asked["terminal"] is None


async def test_large_input_and_output_at_once_wait_for_each_other_and_fill_no_memory() -> None:
    """`run cat`, with a reader that begins only when all has come to a stop."""
    size, chunk = 60_000_000, 60_000

    async def program(connection: ServerConnection, _: dict[str, Any]) -> None:
        while isinstance(message := await connection.recv(), bytes):
            await connection.send(STDOUT + message)
        await exited(connection, 0)

    async def feed(stdin: asyncio.StreamWriter) -> None:
        for _ in range(size // chunk):
            stdin.write(b"x" * chunk)
            await stdin.drain()
        stdin.close()

    async with serving(program) as env:
        process = await start(env, "cat", stderr=None)
        assert process.stdin is not None
        assert process.stdout is not None
        feeding = asyncio.create_task(feed(process.stdin))
        before = -1
        while (now := memory(process.pid)) != before:  # nobody reads: it comes to a stop
            before = now
            await asyncio.sleep(0.3)
        assert not feeding.done()
        assert now < 100_000_000
        read = 0
        async with asyncio.timeout(LIMIT):
            while data := await process.stdout.read(1 << 20):
                read += len(data)
        assert read == size
        assert await process.wait() == 0


def memory(pid: int) -> int:
    """Resident bytes."""
    fields = Path(f"/proc/{pid}/status").read_text().split()
    return int(fields[fields.index("VmRSS:") + 1]) * 1024 if "VmRSS:" in fields else 0


async def test_a_refusal_reads_as_any_requests_does() -> None:
    problem = {"status": 409, "detail": "hello is not deployed yet", "hint": "Push it first.",
               "output": []}  # fmt: skip

    async def program(connection: ServerConnection, _: dict[str, Any]) -> None:
        await connection.send(json.dumps({"type": "error", **problem}))

    async with serving(program) as env:
        process = await start(env, "ls", stdin=subprocess.DEVNULL)
        _, err = await asyncio.wait_for(process.communicate(), LIMIT)
    assert process.returncode == 1
    assert err.decode() == " !     hello is not deployed yet\n !     Push it first.\n"


async def test_a_refused_connection_and_a_broken_one_say_so() -> None:
    async def program(connection: ServerConnection, _: dict[str, Any]) -> None:
        connection.transport.abort()

    async with serving(program) as env:
        broken = await start(env, "ls", stdin=subprocess.DEVNULL)
        _, err = await asyncio.wait_for(broken.communicate(), LIMIT)
        assert broken.returncode == 1
        assert b"the connection to http://127.0.0.1" in err
        assert b"Traceback" not in err
    refused = await start(env, "ls", stdin=subprocess.DEVNULL)  # nobody listens any more
    _, err = await asyncio.wait_for(refused.communicate(), LIMIT)
    assert refused.returncode == 1
    assert b"does not answer" in err
    assert b"Traceback" not in err


async def test_ctrl_c_ends_the_program_and_the_second_one_ends_us() -> None:
    interrupted = asyncio.Event()

    async def program(connection: ServerConnection, _: dict[str, Any]) -> None:
        await connection.send(STDOUT + b"here\n")
        async for message in connection:
            if isinstance(message, str) and json.loads(message)["type"] == "signal":
                assert json.loads(message)["name"] == "INT"
                interrupted.set()  # and goes on

    async with serving(program) as env:
        process = await start(env, "sleep", "1000")
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), LIMIT) == b"here\n"
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(interrupted.wait(), LIMIT)
        assert process.returncode is None
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), LIMIT) == -signal.SIGINT


@pytest.fixture
def terminal() -> Any:
    """(ours, the program's): a pseudo-terminal of 100 columns and 30 rows."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


async def test_at_a_terminal_keys_go_as_they_are_and_it_is_put_back(
    terminal: tuple[int, int],
) -> None:
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)
    got: asyncio.Queue[Any] = asyncio.Queue()

    async def program(connection: ServerConnection, first: dict[str, Any]) -> None:
        await got.put(first)
        await connection.send(STDOUT + b"$ ")
        async for message in connection:
            await got.put(message if isinstance(message, bytes) else json.loads(message))
            if message == b"\x04":
                await exited(connection, 3)

    async def next_one() -> Any:
        return await asyncio.wait_for(got.get(), LIMIT)

    async with serving(program) as env:
        env["TERM"] = "xterm-256color"
        process = await start(
            env, "bash", stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        first = await next_one()
        assert (first["terminal"], first["columns"], first["rows"]) == ("xterm-256color", 100, 30)
        assert (await asyncio.to_thread(os.read, ours, 100)) == b"$ "
        os.write(ours, b"\x03")  # Ctrl-C: a key like any other
        assert await next_one() == b"\x03"
        ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        assert await next_one() == {"type": "resize", "columns": 120, "rows": 40}
        os.write(ours, b"\x04")
        assert await asyncio.wait_for(process.wait(), LIMIT) == 3
    assert termios.tcgetattr(theirs) == before


async def test_a_terminal_is_put_back_when_we_are_ended(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)

    async def program(connection: ServerConnection, _: dict[str, Any]) -> None:
        await connection.send(STDOUT + b"$ ")
        await connection.wait_closed()

    async with serving(program) as env:
        process = await start(env, "bash", stdin=theirs, stdout=theirs, stderr=theirs)
        assert (await asyncio.to_thread(os.read, ours, 100)) == b"$ "
        assert termios.tcgetattr(theirs) != before
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), LIMIT) == -signal.SIGTERM
    assert termios.tcgetattr(theirs) == before
