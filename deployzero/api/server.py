"""Serve the API inside the server's own event loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn

from deployzero.api.app import make_app
from deployzero.deploy.platform import Platform
from deployzero.errors import SettingsError

STOP_LIMIT = 5.0


class _Server(uvicorn.Server):
    """Signals are the command line's, not uvicorn's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(platform: Platform) -> AsyncIterator[None]:
    """Listen on BIND:API_PORT until the block ends. Raises SettingsError for a taken port."""
    settings = platform.settings
    config = uvicorn.Config(
        make_app(platform),
        host=settings.bind,
        port=settings.api_port,
        log_level="warning",
        access_log=False,
        lifespan="off",
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
        yield
    finally:
        server.should_exit = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(task, STOP_LIMIT)
        listener.close()
