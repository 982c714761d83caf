"""Serve the HTTP API inside the server's own event loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from deployzero.api import client_address
from deployzero.errors import SettingsError
from deployzero.settings import Settings

STOP_LIMIT = 5.0


class _Server(uvicorn.Server):
    """Signals are the command line's, not uvicorn's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: FastAPI, settings: Settings, port: int | None = None) -> AsyncIterator[int]:
    """Listen on BIND:API_PORT until the block ends; gives the port.

    port: instead of API_PORT; 0: any free one. Raises SettingsError for a taken one.
    """
    config = uvicorn.Config(
        app,
        host=settings.bind,
        port=settings.api_port if port is None else port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        forwarded_allow_ips=client_address.proxies(settings),
    )
    try:
        listener = config.bind_socket()
    except SystemExit as error:  # uvicorn's own way to say that the port is taken
        raise SettingsError(
            f"cannot listen on {settings.bind}:{settings.api_port}",
            "Stop what listens there, or choose another port with DEPLOYZERO_API_PORT.",
        ) from error
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(task, STOP_LIMIT)
        listener.close()
