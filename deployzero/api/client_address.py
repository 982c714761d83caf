"""Where a request comes from.

uvicorn puts the address that X-Forwarded-For names in the place of the peer's when the peer is
one of `proxies`: the last one in it that is none of them. From outside nobody can lie: the proxy
overwrites the header of whoever is not on this machine, and without the proxy it is not read.
Who is on this machine may lie about themselves, and so may a proxy here that does not send it:
all its clients would seem to be this machine.
"""

import ipaddress

from fastapi.requests import HTTPConnection

from deployzero.models.origin import from_another_site
from deployzero.settings import Settings

LOOPBACK = ("127.0.0.0/8", "::1", "::ffff:127.0.0.0/104")


def proxies(settings: Settings) -> list[str]:
    """The addresses of this machine's own proxies: loopback, and BIND, whence the proxy asks."""
    if ipaddress.ip_address(settings.bind).is_unspecified:
        return list(LOOPBACK)
    return [*LOOPBACK, settings.bind]


def address_of(connection: HTTPConnection) -> str:
    """The client's address; empty if it is not known."""
    return connection.client.host if connection.client else ""


def on_this_machine(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether this machine itself asks, by a name that is its own.

    A page of somebody else's is thus not taken for the person at the browser: neither one whose
    name resolves to this machine (DNS rebinding), nor one that sends something here.
    """
    changes = connection.scope.get("method") not in ("GET", "HEAD")
    if changes and from_another_site(connection.headers):
        return False
    try:
        address = ipaddress.ip_address(address_of(connection))
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    # Where BIND is no loopback address, this machine itself asks from there, too.
    own = address.is_loopback or str(address) == settings.bind
    host = (connection.url.hostname or "").lower()
    return own and (_is_address(host) or host in _names(settings))


def _names(settings: Settings) -> tuple[str, ...]:
    return ("localhost", settings.domain, settings.host("api"))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
