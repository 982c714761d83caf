"""Connections to the engine that stay open, as asyncio streams: logs, events, attach, wait.

No thread is held while one is quiet, and none of docker-py's buffers can swallow what a
program printed before its socket was taken over.
"""

import asyncio
import contextlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from docker.errors import DockerException
from docker.utils import parse_host

from deployzero.errors import ContainerError

DOCTOR = "Run `deployzero doctor` to see what is wrong and how to mend it."
FRAME = struct.Struct(">BxxxL")
"""What stands before each piece of a program without a terminal: its stream, the piece's size."""
LIMIT = 10.0
"""Seconds until the engine has begun to answer."""
MOST_HEAD = 64 << 10
MOST_BODY = 1 << 20


class NoSuchContainerError(ContainerError):
    """The engine does not know it (any more)."""


@dataclass(frozen=True, slots=True)
class EngineStream:
    """What the engine sends after its answer's head; `writer` is of use after an upgrade."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def close(self) -> None:
        self.writer.transport.abort()


def path(*parts: str, **query: object) -> str:
    """`path("containers", id, "logs", tail=5)`; None leaves a parameter out."""
    given = {name: str(value) for name, value in query.items() if value is not None}
    where = "/" + "/".join(quote(part, safe="") for part in parts)
    return f"{where}?{urlencode(given)}" if given else where


async def open_stream(
    docker_host: str,
    method: str,
    target: str,
    body: Mapping[str, Any] | None = None,
    *,
    upgrade: bool = False,
) -> EngineStream:
    """Send a request; returns once the engine has begun to answer. The caller closes it.

    upgrade: take the connection over, in both directions. Raises NoSuchContainerError for
    404, ContainerError for everything else that goes wrong.
    """
    try:
        async with asyncio.timeout(LIMIT):
            stream = await _connect(docker_host)
            try:
                await _ask(stream, method, target, body, upgrade)
            except BaseException:
                stream.close()
                raise
            return stream
    except TimeoutError as error:
        raise ContainerError(f"the Docker Engine gave no answer for {LIMIT:g}s", DOCTOR) from error
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise ContainerError("the Docker Engine does not answer", DOCTOR) from error


async def read_json(opened: EngineStream, limit: float | None) -> Any:
    """The rest of a stream as JSON; None when it is empty. limit: seconds."""
    try:
        async with asyncio.timeout(limit):
            text = await opened.reader.read(MOST_BODY)
            while more := await opened.reader.read(MOST_BODY):
                text += more
    except (OSError, TimeoutError) as error:
        raise ContainerError("the Docker Engine does not answer", DOCTOR) from error
    return json.loads(text) if text.strip() else None


async def _connect(docker_host: str) -> EngineStream:
    try:
        where = str(parse_host(docker_host or None))
    except DockerException as error:
        raise ContainerError(f"bad DOCKER_HOST: {error}", DOCTOR) from error
    scheme, _, address = where.partition("://")
    if scheme == "http+unix":
        return EngineStream(*await asyncio.open_unix_connection("/" + address.lstrip("/")))
    if scheme == "http":
        host, _, port = address.partition("/")[0].rpartition(":")
        return EngineStream(*await asyncio.open_connection(host.strip("[]"), int(port)))
    raise ContainerError(
        f"logs, run and enter do not work over {scheme}://",
        "Use the engine's own socket, unix:// or tcp://.",
    )


async def _ask(
    opened: EngineStream,
    method: str,
    target: str,
    body: Mapping[str, Any] | None,
    upgrade: bool,
) -> None:
    # HTTP/1.0 spares the chunks: what follows the head is the stream, up to its end.
    version = "1.1" if upgrade else "1.0"
    payload = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {target} HTTP/{version}", "Host: docker", f"Content-Length: {len(payload)}"]
    if body is not None:
        lines.append("Content-Type: application/json")
    if upgrade:
        lines += ["Connection: Upgrade", "Upgrade: tcp"]
    opened.writer.write("\r\n".join([*lines, "", ""]).encode() + payload)
    await opened.writer.drain()
    head = await opened.reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if status >= 400:
        raise _refused(status, await opened.reader.read(MOST_HEAD))


def _refused(status: int, body: bytes) -> ContainerError:
    text = body.decode(errors="replace").strip()
    with contextlib.suppress(ValueError, KeyError, TypeError):
        text = str(json.loads(text)["message"])
    reason = (text.splitlines() or [f"status {status}"])[0]
    gone = status == 404 or "marked for removal" in reason
    kind = NoSuchContainerError if gone else ContainerError
    return kind(f"the Docker Engine refused: {reason}", DOCTOR)
