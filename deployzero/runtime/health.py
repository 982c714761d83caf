"""Waiting until a new container is well, or saying exactly why it is not.

The container's port is probed from the host in a quick rhythm while the engine is asked
whether it still lives, so that a crash at boot is known at once and not at a timeout.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from deployzero.models.cause import Subject
from deployzero.models.project import HealthCheck
from deployzero.runtime.causes.advice import answer_advice
from deployzero.runtime.container import ContainerStatus
from deployzero.runtime.diagnosis import (
    NOBODY,
    exited,
    on_loopback,
    out_of_memory,
    unhealthy,
    wrong_listener,
)
from deployzero.runtime.memory import oom_kills
from deployzero.runtime.runtime import Runtime

PORT_PAUSE = 0.01
STATUS_PAUSE = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.25
"""Seconds between two HTTP tries that follow deployzero's own rhythm: growing."""
NOTE_AFTER = 3.0
LOOPBACK_LOOKS, LOOPBACK_PAUSE = 2, 1.0
STARVED_KILLS, STARVED_PAUSE = 3, 0.5
"""Kills of a container's processes by the kernel for memory, and seconds between two looks."""
BODY_LIMIT = 1024**2
DEFAULT_CHECKS = (HealthCheck(),)


@dataclass(slots=True)
class _Seen:
    """What the last try got, for the error."""

    what: str
    status: int = 0
    """Of the last answer."""


class _GaveUpError(Exception):
    """A check failed as often as it may."""


async def wait_healthy(
    runtime: Runtime,
    name: str,
    target: tuple[str, int],
    *,
    port: int,
    checks: tuple[HealthCheck, ...] = DEFAULT_CHECKS,
    timeout: float,
    host: str = "",
    on_note: Callable[[str], None] | None = None,
    hint: str = "See the app's last lines above.",
    subject: Subject = NOBODY,
) -> float:
    """Seconds until every check of a just started container has passed.

    `target`: where this host reaches the container (`Runtime.reach`); `port`: the one in
    the container that it is to listen on; `host`: the Host header of probes. `attempts` of
    a check count from when its port is open. `on_note` is told once when the app listens,
    but elsewhere. `hint`: what to do when it listens and a check fails. `subject`: what runs
    there, for the fix. Raises ContainerError or ResourceLimitError with the app's last lines.
    """
    begun = time.monotonic()
    seen = _Seen(f"nothing listens on port {port}")
    tasks = {
        probing := asyncio.create_task(_probe(target, port, checks, host, seen)),
        watching := asyncio.create_task(_until_gone(runtime, name)),
        starving := asyncio.create_task(_until_starved(runtime, name)),
        asyncio.create_task(_until_misplaced(runtime, name, port, on_note)),
    }
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            raise await exited(runtime, name, watching.result(), subject)
        if probing.done() and not isinstance(probing.exception(), _GaveUpError):
            probing.result()
            if on_note is not None and (advice := answer_advice(seen.status, host, subject)):
                on_note(advice)
            return time.monotonic() - begun
        if starving.done():
            detail = await runtime.logs_tail(name)
            raise out_of_memory(starving.result(), detail, subject)
        waited = time.monotonic() - begun
        raise await unhealthy(runtime, name, port, seen.what, waited, hint, subject)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def wait_running(
    runtime: Runtime, name: str, seconds: float = 2.0, subject: Subject = NOBODY
) -> None:
    """For processes without a port: well means alive after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            status = await _until_gone(runtime, name)
    except TimeoutError:
        return
    raise await exited(runtime, name, status, subject)


async def check_once(
    target: tuple[str, int], port: int, checks: tuple[HealthCheck, ...], host: str = ""
) -> str:
    """One round of the checks, for the watch: '' when all pass, else what was seen."""
    for check in checks:
        where = (target[0], check.port or target[1])
        if not await _opens(where, check.timeout):
            return f"nothing listens on port {check.port or port}"
        if check.path is not None:
            async with _client(check.timeout) as client:
                if failure := await _get(client, where, check, host):
                    return failure
    return ""


async def _probe(
    target: tuple[str, int], port: int, checks: tuple[HealthCheck, ...], host: str, seen: _Seen
) -> None:
    await _until_open(target, port, seen)
    for check in checks:
        await asyncio.sleep(check.initial_delay)
        where = (target[0], check.port or target[1])
        await _until_open(where, check.port or port, seen)
        if check.path is not None:
            await _until_answers(where, check, host, seen)


async def _until_open(where: tuple[str, int], port: int, seen: _Seen) -> None:
    seen.what = f"nothing listens on port {port}"
    while not await _opens(where, 1.0):  # noqa: ASYNC110 - only trying tells
        await asyncio.sleep(PORT_PAUSE)


async def _until_answers(
    where: tuple[str, int], check: HealthCheck, host: str, seen: _Seen
) -> None:
    pause, tries = FIRST_PAUSE, 0
    async with _client(check.timeout) as client:
        while seen_now := await _get(client, where, check, host, seen):
            seen.what, tries = seen_now, tries + 1
            if check.attempts is not None and tries >= check.attempts:
                raise _GaveUpError(seen_now)
            await asyncio.sleep(check.wait or pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)


async def _opens(where: tuple[str, int], timeout: float) -> bool:
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(*where)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _client(timeout: float) -> httpx.AsyncClient:
    # Probes are plain HTTP; an empty context saves the 20 ms of loading certificates.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(timeout=timeout, trust_env=False, verify=context)


async def _get(
    client: httpx.AsyncClient,
    where: tuple[str, int],
    check: HealthCheck,
    host: str,
    seen: _Seen | None = None,
) -> str:
    """'' when the check passes, else what was seen. Redirects count as answers."""
    path = check.path or "/"
    url = f"http://{where[0]}:{where[1]}/{path.removeprefix('/')}"
    headers = {"user-agent": "deployzero-health", "connection": "close"}
    if host:
        headers["host"] = host
    try:
        async with (
            asyncio.timeout(check.timeout),
            client.stream("GET", url, headers=headers) as response,
        ):
            if seen is not None:
                seen.status = response.status_code
            if response.status_code >= check.below:
                return f"GET {path} answered {response.status_code}"
            if check.content is not None and check.content not in await _body(response):
                return f"GET {path} answered {response.status_code} without '{check.content}'"
    except (TimeoutError, httpx.TimeoutException):
        return f"GET {path} got no answer within {check.timeout:g}s"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"GET {path} got no answer: {str(error) or type(error).__name__}"
    return ""


async def _body(response: httpx.Response) -> str:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= BODY_LIMIT:
            break
    return body.decode(response.encoding or "utf-8", errors="replace")


async def _until_gone(runtime: Runtime, name: str) -> ContainerStatus | None:
    """Returns once it does not run any more (None: removed)."""
    while (status := await runtime.status(name)) is not None and status.running:  # noqa: ASYNC110
        await asyncio.sleep(STATUS_PAUSE)
    return status


async def _until_starved(runtime: Runtime, name: str) -> ContainerStatus:
    """Returns once its workers were killed for memory again and again: it will not get well."""
    while True:
        status = await runtime.status(name)
        if status is not None and oom_kills(status.pid) >= STARVED_KILLS:
            return status
        await asyncio.sleep(STARVED_PAUSE)


async def _until_misplaced(
    runtime: Runtime, name: str, port: int, on_note: Callable[[str], None] | None
) -> None:
    """Returns once the app holds its port on a loopback address: it will not open it any more.

    One that listens at another port may still come to its own; that is noted, once.
    """
    await asyncio.sleep(NOTE_AFTER)
    looks = 0
    while looks < LOOPBACK_LOOKS:
        status = await runtime.status(name)
        pid = status.pid if status is not None else 0
        looks = looks + 1 if on_loopback(pid, port) else 0
        if not looks and on_note is not None and (wrong := wrong_listener(pid, port)):
            on_note(f"{wrong}; still waiting")
            on_note = None
        await asyncio.sleep(LOOPBACK_PAUSE)
