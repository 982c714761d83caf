"""A command on the server, joined to this process: `run` and `enter`, over a WebSocket.

Everything is full duplex: one side that reads no more must not stop the other, or `run cat`
with a large input would wait for itself. (The `websockets.sync` client does: it reads nothing
while it sends.)
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from deployzero.client import api, terminal
from deployzero.client.accounts import Account
from deployzero.client.addresses import is_loopback, reachable_host
from deployzero.client.api import AGENT
from deployzero.errors import DeployZeroException

OPEN_LIMIT = 60.0
"""Seconds in which the server must take the connection."""
CHUNK = 64 * 1024
MOST_MESSAGE = 4 * 1024 * 1024
STDERR = b"\x02"
NO_REQUEST = httpx.Request("GET", "ws://server")
"""Refusals are read as those of any request are."""
Leave = Callable[[], None]


class _Connect(connect):
    """It follows no redirect, which would send the API key to another host."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


def run(account: Account, path: str, command: tuple[str, ...], **rest: Any) -> int:
    """Until the command has ended; returns its exit code.

    path: `/projects/hello/run`. rest: of the first message, with `terminal` its type or None.
    Raises DeployZeroException for what the server refuses, and if the connection breaks: the
    server ends the command then.
    """
    return asyncio.run(_run(account, path, {"command": command, **rest}))


async def _run(account: Account, path: str, first: dict[str, Any]) -> int:
    in_terminal = first["terminal"] is not None
    async with _connected(account, path) as connection:
        await connection.send(json.dumps({**first, **_size()}))
        with contextlib.ExitStack() as stack:
            leave = stack.enter_context(terminal.raw()) if in_terminal else _nothing
            stack.enter_context(_signals(connection, leave, in_terminal))
            _start_sending(connection)
            try:
                with contextlib.suppress(ConnectionClosed):
                    async for message in connection:
                        if isinstance(message, bytes):
                            await _show(message)
                        elif (code := _told(json.loads(message))) is not None:
                            return code
                raise _broken(account)
            finally:
                connection.transport.abort()  # the program has ended, or is to: no farewell


@contextlib.asynccontextmanager
async def _connected(account: Account, path: str) -> Any:
    url = account.server.replace("http", "ws", 1) + path
    try:
        connection = await _Connect(
            url,
            additional_headers={"X-API-Key": account.api_key},
            user_agent_header=AGENT,
            compression=None,
            max_size=MOST_MESSAGE,
            open_timeout=OPEN_LIMIT,
            # Who waits for a slow side answers no ping, and yet lives. TCP sees who does not.
            ping_interval=None,
            ssl=api.trust(account.server) if url.startswith("wss:") else None,
            **_way(account.server),
        )
    except InvalidStatus as error:
        refused = error.response
        body = bytes(refused.body or b"")
        to = {"Location": refused.headers.get("Location", "")}
        request = httpx.Request("GET", account.server + path)
        api.check(httpx.Response(refused.status_code, headers=to, content=body, request=request))
        raise _broken(account) from error
    except (OSError, TimeoutError, WebSocketException) as error:
        raise api.unreachable(account.server, httpx.ConnectError(str(error))) from error
    _keep_alive(connection)
    async with connection:
        yield connection


def _way(server: str) -> dict[str, Any]:
    """To this machine itself: by no proxy, and where its names do not resolve, too."""
    host = urlsplit(server).hostname or ""
    if not is_loopback(host):
        return {}
    address = reachable_host(host)
    return {"proxy": None} | ({"host": address} if address != host else {})


def _keep_alive(connection: ClientConnection) -> None:
    """See within a minute that the other side is gone."""
    found = connection.transport.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _size() -> dict[str, int]:
    columns, rows = terminal.size()
    return {"columns": columns, "rows": rows}


def _nothing() -> None:
    pass


def _broken(account: Account) -> DeployZeroException:
    return DeployZeroException(
        f"the connection to {account.server} broke", "The command has ended with it."
    )


async def _show(message: bytes) -> None:
    """What the program prints, as fast as it is taken from us."""
    out = sys.stderr if message[:1] == STDERR else sys.stdout
    await asyncio.get_running_loop().run_in_executor(None, _write, out.buffer, message[1:])


def _told(message: dict[str, Any]) -> int | None:
    """The exit code, once there is one. Raises DeployZeroException for what went wrong."""
    if message.get("type") == "error":
        api.check(httpx.Response(message["status"], json=message, request=NO_REQUEST))
    return int(message["code"]) if message.get("type") == "exit" else None


def _write(out: BinaryIO, data: bytes) -> None:
    out.write(data)
    out.flush()


def _start_sending(connection: ClientConnection) -> None:
    """A thread that dies with the process: nothing ends a read from a terminal."""
    loop = asyncio.get_running_loop()

    def put(message: bytes | str) -> None:
        sent = connection.send(message)
        try:
            asyncio.run_coroutine_threadsafe(sent, loop).result()
        finally:
            sent.close()  # if the loop has closed nobody else does

    def send() -> None:
        with contextlib.suppress(ConnectionClosed, CancelledError, RuntimeError, OSError):  # ended
            if sys.stdin is not None:
                while data := os.read(sys.stdin.fileno(), CHUNK):
                    put(data)
            put(json.dumps({"type": "eof"}))

    threading.Thread(target=send, name="stdin", daemon=True).start()


@contextlib.contextmanager
def _signals(connection: ClientConnection, leave: Leave, in_terminal: bool) -> Iterator[None]:
    """Window size and Ctrl-C go to the program; a second Ctrl-C, and what ends us, ends us."""
    loop = asyncio.get_running_loop()
    sending: set[asyncio.Task[None]] = set()

    def send(**message: object) -> None:
        async def put() -> None:
            with contextlib.suppress(ConnectionClosed):
                await connection.send(json.dumps(message))

        task = loop.create_task(put())
        sending.add(task)
        task.add_done_callback(sending.discard)

    def resize() -> None:
        send(type="resize", **_size())

    def end(number: int) -> None:
        """By the signal itself. A write that nobody takes would hold any other end up."""
        leave()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def interrupt() -> None:
        loop.add_signal_handler(signal.SIGINT, end, signal.SIGINT)
        send(type="signal", name="INT")

    handled: list[int] = []

    def on(name: str, do: Callable[..., None], *given: int) -> None:
        number = getattr(signal, name, None)
        if number is not None:
            with contextlib.suppress(NotImplementedError):  # Windows: the default stands
                loop.add_signal_handler(number, do, *given)
                handled.append(number)

    on("SIGINT", interrupt)
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        on(name, end, int(getattr(signal, name, 0)))
    if in_terminal:
        on("SIGWINCH", resize)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
