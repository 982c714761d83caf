"""Where a request comes from, behind the proxies of this machine and without one."""

from typing import Any

import pytest
from starlette.requests import Request
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from deployzero.api.client_address import address_of, on_this_machine, proxies
from deployzero.settings import Settings

OUTSIDE = "203.0.113.7"


async def asked(
    peer: str,
    forwarded: str | None = None,
    bind: str = "127.0.0.1",
    host: str = "localhost:8081",
    method: str = "GET",
    **sent: str,
) -> tuple[str, bool]:
    """The address that counts, and whether it is this machine."""
    settings = Settings(bind=bind)
    seen: list[tuple[str, bool]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope)
        seen.append((address_of(request), on_this_machine(request, settings)))

    named = {name.replace("_", "-"): value for name, value in sent.items()} | {"host": host}
    headers = [(name.encode(), value.encode()) for name, value in named.items()]
    if forwarded is not None:
        headers.append((b"x-forwarded-for", forwarded.encode()))
    scope: dict[str, Any] = {
        "type": "http", "method": method, "path": "/", "query_string": b"", "scheme": "http",
        "server": ("127.0.0.1", 8081), "client": (peer, 1), "headers": headers,
    }  # fmt: skip
    as_uvicorn_does = ProxyHeadersMiddleware(app, trusted_hosts=proxies(settings))  # type: ignore[arg-type]
    await as_uvicorn_does(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("peer", "forwarded", "bind", "address", "here"),
    [
        ("127.0.0.1", None, "127.0.0.1", "127.0.0.1", True),
        ("::1", None, "::", "::1", True),
        ("::ffff:127.0.0.1", None, "::", "::ffff:127.0.0.1", True),
        # Through the proxy.
        ("127.0.0.1", OUTSIDE, "127.0.0.1", OUTSIDE, False),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", True),
        ("::ffff:127.0.0.1", OUTSIDE, "::", OUTSIDE, False),
        ("127.0.0.2", OUTSIDE, "0.0.0.0", OUTSIDE, False),
        # Through a TLS proxy of this machine and ours; what the client says comes first.
        ("127.0.0.1", f"127.0.0.1, {OUTSIDE}, 127.0.0.1", "127.0.0.1", OUTSIDE, False),
        # Our proxy asks from BIND.
        ("10.0.0.5", OUTSIDE, "10.0.0.5", OUTSIDE, False),
        ("10.0.0.5", None, "10.0.0.5", "10.0.0.5", True),
        # Without a proxy the header is anybody's.
        (OUTSIDE, "127.0.0.1", "0.0.0.0", OUTSIDE, False),
        (OUTSIDE, "10.0.0.5", "10.0.0.5", OUTSIDE, False),
        ("10.0.0.5", "127.0.0.1", "0.0.0.0", "10.0.0.5", False),
    ],
)
async def test_the_address_is_the_clients(
    peer: str, forwarded: str | None, bind: str, address: str, here: bool
) -> None:
    assert await asked(peer, forwarded, bind) == (address, here)


async def test_a_foreign_name_for_this_machine_is_not_this_machine() -> None:
    for host in ("evil.example", "evil.example:8081", "localhost.evil.example", "127.0.0.1.nip.io"):
        assert await asked("127.0.0.1", host=host) == ("127.0.0.1", False)
    for host in ("localhost", "127.0.0.1:8081", "[::1]:8081", "api.localhost", "10.0.0.5"):
        assert await asked("127.0.0.1", host=host) == ("127.0.0.1", True)


@pytest.mark.parametrize(
    ("sent", "here"),
    [
        ({}, True),
        ({"origin": "http://localhost:8081", "sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://localhost:3000"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://["}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
    ],
)
async def test_what_another_site_sends_is_not_this_machine(
    sent: dict[str, str], here: bool
) -> None:
    assert (await asked("127.0.0.1", method="POST", **sent))[1] == here
    assert (await asked("127.0.0.1", **sent))[1], "a link leads to a page"
