"""docker-py's blocking client behind async calls, in threads of its own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import requests
from docker import APIClient
from docker.errors import APIError, DockerException

from deployzero.errors import ContainerError, DeployZeroException, ResourceLimitError
from deployzero.runtime.engine_stream import DOCTOR, EngineStream, open_stream, read_json

T = TypeVar("T")
TIMEOUT = 60
"""Seconds that one answer of the engine may take."""


class Engine:
    """Calls for the Docker Engine at `docker_host` ('' for the local socket)."""

    def __init__(self, docker_host: str = "") -> None:
        self._docker_host = docker_host
        self._calls = ThreadPoolExecutor(8, "engine")
        # A followed stream holds its thread while it is quiet, so streams have their own.
        self._streams = ThreadPoolExecutor(16, "engine-stream")
        self._lock = threading.Lock()
        self._made: APIClient | None = None
        self._version = ""

    async def open(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | None = None,
        *,
        upgrade: bool = False,
    ) -> EngineStream:
        """A connection that stays open, without a thread: see `open_stream`."""
        if not self._version:
            self._version = await self.call(lambda client: str(client.api_version))
        target = f"/v{self._version}{target}"
        return await open_stream(self._docker_host, method, target, body, upgrade=upgrade)

    async def ask(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> Any:
        """A short question, without a thread: the answer's JSON."""
        opened = await self.open(method, target, body)
        try:
            return await read_json(opened, TIMEOUT)
        finally:
            opened.close()

    async def call(self, function: Callable[[APIClient], T], limit: float = TIMEOUT + 5) -> T:
        """Run a function with the client in a thread; `limit` is in seconds.

        Raises ContainerError, in plain words, for whatever the engine or the way to it did.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limit):
                return await loop.run_in_executor(self._calls, self._guarded, function)
        except TimeoutError as error:
            raise ContainerError(
                f"the Docker Engine gave no answer for {limit:g}s", DOCTOR
            ) from error

    async def stream(self, opened: Callable[[APIClient], Iterator[T]]) -> AsyncIterator[T]:
        """The items of a blocking stream. Nothing is read ahead: the reader sets the pace."""
        loop = asyncio.get_running_loop()
        source = await loop.run_in_executor(self._streams, self._guarded, opened)
        try:
            while True:
                item = await loop.run_in_executor(
                    self._streams, self._guarded, lambda _: next(source, None)
                )
                if item is None:
                    return
                yield item
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()

    def close(self) -> None:
        self._calls.shutdown(wait=False, cancel_futures=True)
        self._streams.shutdown(wait=False, cancel_futures=True)
        if self._made is not None:
            self._made.close()

    def _client(self) -> APIClient:
        with self._lock:
            if self._made is None:
                self._made = APIClient(
                    base_url=self._docker_host or None, version="auto", timeout=TIMEOUT
                )
            return self._made

    def _guarded(self, function: Callable[[APIClient], T]) -> T:
        try:
            return function(self._client())
        except APIError as error:
            raise refused(error) from error
        except (requests.RequestException, DockerException) as error:
            raise ContainerError("the Docker Engine does not answer", DOCTOR) from error


def refused(error: APIError) -> DeployZeroException:
    """What the engine said, as one of ours."""
    lines = str(error.explanation or error).strip().splitlines() or ["no reason given"]
    if "no space left on device" in lines[0]:
        return ResourceLimitError("the disk is full", "Free some space.", lines)
    return ContainerError(f"the Docker Engine refused: {lines[0]}", DOCTOR, lines[1:])
