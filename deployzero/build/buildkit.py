"""BuildKit over the plain Engine API: `POST /build?version=2`, its stream, its cancel."""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

import requests
from docker import APIClient

from deployzero.build.trace import Output, Vertex, decode

CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Order:
    """One build as the engine is asked for it."""

    id: str
    """Names it for a cancel."""
    tag: str
    labels: Mapping[str, str]
    dockerfile: str = "Dockerfile"
    target: str = ""


@dataclass(frozen=True, slots=True)
class Solved:
    image_id: str
    error: str
    """The engine's own words; empty when it went well."""


class Build:
    """A build under way. `run` blocks its thread; the other methods may come from any."""

    def __init__(self, engine: APIClient, order: Order) -> None:
        self._engine = engine
        self._order = order
        self._response: requests.Response | None = None

    def run(self, context: IO[bytes], take: Callable[[Vertex | Output], None]) -> Solved:
        """Send the context (a tar, read from where it stands) and follow to the end.

        Events go to `take` as they come, in this thread. There is no limit of time here:
        a step may be silent for long. Raises requests' errors when the engine goes away.
        """
        order = self._order
        response = self._engine.post(
            f"{self._engine.base_url}/v{self._engine.api_version}/build",
            params={
                "version": "2",
                "buildid": order.id,
                "t": order.tag,
                "dockerfile": order.dockerfile,
                "labels": json.dumps(dict(order.labels)),
                "target": order.target,
                "networkmode": "default",
            },
            data=context,
            headers={"Content-Type": "application/x-tar"},
            stream=True,
            timeout=(CONNECT_SECONDS, None),
        )
        self._response = response
        with response:
            if response.status_code != 200:
                return Solved("", _message(response))
            return _follow(response, take)

    def cancel(self) -> None:
        """Ask the engine to stop it. Nothing happens if it has not begun or is over."""
        self._engine.post(
            f"{self._engine.base_url}/v{self._engine.api_version}/build/cancel",
            params={"id": self._order.id},
            timeout=CONNECT_SECONDS,
        )

    def abandon(self) -> None:
        """Close the connection, for an engine that does not answer any more."""
        connection = self._response.raw.connection if self._response is not None else None
        if connection is not None and connection.sock is not None:
            # A mere close would leave the thread waiting that reads from it.
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)


def _follow(response: requests.Response, take: Callable[[Vertex | Output], None]) -> Solved:
    image_id = error = ""
    for message in _messages(response):
        if message.get("id") == "moby.buildkit.trace":
            for event in decode(message["aux"]):
                take(event)
        elif message.get("id") == "moby.image.id":
            image_id = message["aux"]["ID"]
        elif "error" in message:
            error = message.get("errorDetail", {}).get("message") or message["error"]
    return Solved(image_id, error or ("" if image_id else "the engine ended the build unfinished"))


def _messages(response: requests.Response) -> Iterator[dict[str, Any]]:
    """The stream's JSON objects, one a line, as soon as they are there."""
    rest = b""
    for chunk in response.raw.stream(65536, decode_content=True):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (json.loads(line) for line in lines if line.strip())
    if rest.strip():
        yield json.loads(rest)


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError):
        return f"the engine answered {response.status_code}"
