"""Serve the HTTP API inside the server's own event loop."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from deployzero.api import client_address
from deployzero.api.connection import Connection
from deployzero.api.streams import open_streams
from deployzero.errors import SettingsError
from deployzero.routing.certificates import Pair
from deployzero.settings import Settings

logger = logging.getLogger(__name__)

STOP_LIMIT = 5.0
MOST_MESSAGE = 1 << 20
"""Bytes of a WebSocket's message."""
PING_SECONDS = 15.0
KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""See within a minute that a client is gone which neither sends nor is sent anything."""
RENEWAL_PERIOD = 1.0
"""Seconds between two looks whether there is another certificate."""


def _is_news(record: logging.LogRecord) -> bool:
    """False for what uvicorn logs as an error of ours when a WebSocket is refused in HTTP, as
    it may be: anybody could fill the log with it."""
    return "returned without completing handshake" not in str(record.msg)


logging.getLogger("uvicorn.error").addFilter(_is_news)


class _Server(uvicorn.Server):
    """Signals are the command line's, not uvicorn's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    app: FastAPI,
    settings: Settings,
    port: int | None = None,
    certificate: Callable[[], Pair | None] | None = None,
) -> AsyncIterator[int]:
    """Listen on BIND:API_PORT until the block ends; gives the port.

    port: instead of API_PORT; 0: any free one. certificate: gives the one to serve HTTPS with,
    at any time; a new one is for new connections. Raises SettingsError for a taken port.
    """
    pair = certificate() if certificate else None
    if certificate and pair is None:
        raise SettingsError("there is no certificate for the API", "Start the proxy first.")
    config = uvicorn.Config(
        app,
        host=settings.bind,
        port=settings.api_port if port is None else port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        http=Connection,
        ws_max_size=MOST_MESSAGE,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=None,  # who waits for a program that reads nothing answers none
        ws_per_message_deflate=False,
        forwarded_allow_ips=client_address.proxies(settings),
        ssl_certfile=pair.cert if pair else None,
        ssl_keyfile=pair.key if pair else None,
    )
    try:
        listener = config.bind_socket()
    except SystemExit as error:  # uvicorn's own way to say that the port is taken
        raise SettingsError(
            f"cannot listen on {settings.bind}:{settings.api_port}",
            "Stop what listens there, or choose another port with DEPLOYZERO_API_PORT.",
        ) from error
    config.load()
    _keep_alive(listener)
    listener.listen(config.backlog)  # who comes before uvicorn is ready waits
    server = _Server(config)
    tasks = [asyncio.create_task(_renew(config.ssl, certificate, pair))] if certificate else []
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        await open_streams(app).end(STOP_LIMIT)
        server.should_exit = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_LIMIT):
                await task
        listener.close()
        for renewal in tasks:
            renewal.cancel()


def _keep_alive(listener: socket.socket) -> None:
    """For all connections that come by it."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE.items():
        if hasattr(socket, name):
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def _renew(
    context: ssl.SSLContext | None, certificate: Callable[[], Pair | None], served: Pair | None
) -> None:
    """Take over whatever else there is to serve, without an end."""
    while context is not None:
        await asyncio.sleep(RENEWAL_PERIOD)
        pair = certificate()
        if pair is None or pair == served:
            continue
        try:
            context.load_cert_chain(pair.cert, pair.key)
            served = pair
        except (OSError, ssl.SSLError) as error:
            logger.error("the API's certificate stays as it was: %s", error)
