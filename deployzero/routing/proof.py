"""Asking the proxy itself, at the address that users use, what is in force."""

import asyncio
import ssl
import time
from dataclasses import dataclass

import httpx

from deployzero.routing.route import RELEASE_HEADER, Route, proof_host
from deployzero.routing.static_config import INSTANCE_HEADER, PROXY_HOST

PAUSE = 0.005
BAD_GATEWAY = (502, 503, 504)


@dataclass(frozen=True, slots=True)
class Proof:
    seconds: float
    """From the question to the app's answer through the proxy."""
    status: int
    """What the app answered; 0: it was not asked."""


class ProxyClient:
    """One of the proxy's ports, whichever host is asked for. Used for as long as one proof."""

    def __init__(self, bind: str, port: int, tls: bool = False) -> None:
        local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104
        scheme = "https" if tls else "http"
        self.base = f"{scheme}://[{local}]:{port}" if ":" in local else f"{scheme}://{local}:{port}"
        self.port = port

    def open(self, timeout: float) -> httpx.AsyncClient:
        # An empty context saves the loading of certificates. The proxy's own, whatever it is
        # for, has nothing to prove on this machine.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return httpx.AsyncClient(
            base_url=self.base, timeout=timeout, trust_env=False, verify=context
        )


async def instance_at(address: ProxyClient, timeout: float = 2.0) -> str | None:
    """The instance whose proxy answers; '' for some other server; None when nothing does."""
    try:
        async with asyncio.timeout(timeout), address.open(timeout) as client:
            answer = await client.get("/", headers={"host": PROXY_HOST})
    except (httpx.HTTPError, TimeoutError) as error:
        return None if isinstance(error, httpx.ConnectError) and not _talked(error) else ""
    return str(answer.headers.get(INSTANCE_HEADER, ""))


def _talked(error: BaseException | None) -> bool:
    """Something was there, which is no TLS server."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


async def marker_of(client: httpx.AsyncClient, app: str) -> str:
    """The marker of an app's route that is in force; '' when it has none."""
    answer = await client.get("/", headers={"host": proof_host(app)})
    return str(answer.headers.get(RELEASE_HEADER, ""))


async def prove(address: ProxyClient, route: Route, path: str | None, timeout: float) -> Proof:
    """Wait until the route is in force, then until its app answers through it.

    The first question goes to the proxy alone, so that the old release is not bothered.
    path: None to ask no more than that.
    Raises TimeoutError whose text says what was seen last.
    """
    begun = time.monotonic()
    seen = "the proxy did not answer"
    host = route.hosts[0].replace("*", "deployzero-proof")
    try:
        async with asyncio.timeout(timeout), address.open(timeout) as client:
            while True:
                try:
                    marker = await marker_of(client, route.app)
                    if marker == route.marker:
                        if path is None:
                            return Proof(time.monotonic() - begun, 0)
                        status = await _status(client, host, path)
                        seen = f"GET {path} through the proxy answered {status}"
                        if status not in BAD_GATEWAY:
                            return Proof(time.monotonic() - begun, status)
                    else:
                        seen = f"the proxy still has {marker or 'no route'} for {route.app}"
                except httpx.HTTPError as error:
                    seen = f"the proxy did not answer: {str(error) or type(error).__name__}"
                await asyncio.sleep(PAUSE)
    except TimeoutError as error:
        raise TimeoutError(seen) from error


async def prove_gone(address: ProxyClient, app: str, timeout: float) -> float:
    """Wait until an app has no route; returns the seconds. Raises TimeoutError."""
    begun = time.monotonic()
    async with asyncio.timeout(timeout), address.open(timeout) as client:
        while await marker_of(client, app):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(PAUSE)
    return time.monotonic() - begun


async def _status(client: httpx.AsyncClient, host: str, path: str) -> int:
    headers = {"host": host, "user-agent": "deployzero-proof"}
    async with client.stream("GET", "/" + path.removeprefix("/"), headers=headers) as answer:
        return answer.status_code
