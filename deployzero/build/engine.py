"""The build stage's own connection to the Docker Engine, and the threads that use it."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import requests
from docker import APIClient
from docker.errors import APIError, DockerException, ImageNotFound

from deployzero.errors import BuildError

LEAST_API = (1, 41)
"""Of Engine 20.10, the first whose BuildKit serves the plain API (DESIGN, "Building")."""
CALL_SECONDS = 60
START = "Start it (`deployzero doctor` tells how), then push again."

T = TypeVar("T")


class Engine:
    """Runs docker's blocking calls in threads of its own. Close it when done."""

    def __init__(self, docker_host: str = "", threads: int = 6) -> None:
        self._docker_host = docker_host
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="deployzero-build")
        self._client: APIClient | None = None
        self._connecting = asyncio.Lock()

    async def client(self) -> APIClient:
        """The connection, made once. Raises BuildError where there is no engine with BuildKit."""
        async with self._connecting:
            if self._client is None:
                self._client = await self.run(self._connect)
        return self._client

    async def call(self, function: Callable[[APIClient], T]) -> T:
        """The result of one call. Raises BuildError with the engine's words."""
        client = await self.client()
        try:
            return await self.run(function, client)
        except (DockerException, requests.RequestException) as error:
            raise refused(error) from error

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Blocking work in the stage's own threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    async def has_image(self, name: str) -> bool:
        return await self.call(lambda client: _has_image(client, name))

    def close(self) -> None:
        """Let go of threads and sockets; what still runs there ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def _connect(self) -> APIClient:
        base_url = self._docker_host or None
        try:
            client = APIClient(base_url=base_url, version="auto", timeout=CALL_SECONDS)
        except (DockerException, requests.RequestException, OSError) as error:
            raise BuildError(
                "the Docker Engine does not answer", START, str(error).splitlines()
            ) from error
        found = tuple(int(part) for part in client.api_version.split("."))
        if found < LEAST_API:
            client.close()
            raise BuildError(
                f"the engine speaks API {client.api_version}, which has no BuildKit",
                "Docker Engine 20.10 or later is required: update it.",
            )
        return client


def refused(error: Exception) -> BuildError:
    """The engine's own words as a BuildError of one line, or that it is not there."""
    if isinstance(error, requests.RequestException) and not isinstance(error, APIError):
        return BuildError("the Docker Engine does not answer", START)
    said = error.explanation if isinstance(error, APIError) and error.explanation else error
    return BuildError(
        f"the engine refused: {' '.join(str(said).split())}",
        "`deployzero doctor` looks at the engine; its own log says more.",
    )


def inspected(client: APIClient, image: str) -> dict[str, Any]:
    """What the engine says of an image. Raises ImageNotFound."""
    found: dict[str, Any] = client.inspect_image(image)  # type: ignore[no-untyped-call]
    return found


def _has_image(client: APIClient, name: str) -> bool:
    try:
        inspected(client, name)
    except ImageNotFound:
        return False
    return True


def threads_for(builds: int) -> int:
    """Each build holds one thread, and its cancel, context and inspection take another."""
    return max(6, 2 * builds + (os.cpu_count() or 2))
