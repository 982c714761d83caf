"""Server URLs as people type them, and which addresses are this machine's own."""

import ipaddress
import socket
from urllib.parse import urlsplit

from deployzero.errors import UsageError

LOCALHOST = "localhost"
EXAMPLE = "https://api.my.host, or http://localhost:8081 on the server itself"


def server_url(text: str) -> str:
    """`api.my.host` is `https://api.my.host`; only this machine's own addresses get http://.

    Raises UsageError for what is no http(s) URL, or has more than host and port in it.
    """
    given = text.strip()
    if "://" not in given:
        host = urlsplit(f"//{given}").hostname or ""
        given = f"{'http' if is_loopback(host) else 'https'}://{given}"
    try:
        url = urlsplit(given)
        host, port = url.hostname or "", url.port
    except ValueError as error:
        raise _bad(text) from error
    whole = url.scheme in ("http", "https") and host and host.isprintable() and " " not in host
    if not whole or url.username is not None or url.path.strip("/") or url.query or url.fragment:
        raise _bad(text)
    return f"{url.scheme}://{_bracketed(host)}" + (f":{port}" if port else "")


def is_loopback(host: str) -> bool:
    """By its name or address alone; `*.localhost` is this machine (RFC 6761)."""
    name = host.lower().rstrip(".")
    if name == LOCALHOST or name.endswith(f".{LOCALHOST}"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def in_the_clear(server: str) -> bool:
    """Whether a key sent there can be read on its way."""
    url = urlsplit(server)
    return url.scheme == "http" and not is_loopback(url.hostname or "")


def reachable_host(host: str) -> str:
    """What to connect to: the host, or 127.0.0.1 for a `*.localhost` that does not resolve."""
    if not host.lower().rstrip(".").endswith(f".{LOCALHOST}"):
        return host
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return "127.0.0.1"
    return host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()


def _bad(text: str) -> UsageError:
    return UsageError(f"bad server URL {text[:100]!r}", f"Write it so: {EXAMPLE}")
