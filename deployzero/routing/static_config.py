"""What the proxy is started with, and the part of its routes that belongs to no app."""

from pathlib import Path
from typing import Any

from deployzero.routing.certificates import Pair
from deployzero.routing.route import ALWAYS, API_TRANSPORT, REDIRECT, TRANSPORT

PROXY_HOST = "proxy.deployzero.internal"
"""The proxy answers there, naming the instance that it belongs to."""
INSTANCE_HEADER = "X-Deployzero-Instance"
ENCODED = (3, 6, 4)
"""The first Traefik that refuses encoded characters in paths unless told otherwise."""
ENCODED_CHARACTERS = (
    "Slash",
    "BackSlash",
    "NullCharacter",
    "Semicolon",
    "Percent",
    "QuestionMark",
    "Hash",
)


def static_config(
    folder: Path, bind: str, port: int, https_port: int | None, version: tuple[int, int, int]
) -> dict[str, Any]:
    """Traefik's static configuration. https_port: None for plain HTTP alone."""
    entry_points = {"web": _entry_point(bind, port, version)}
    if https_port is not None:
        secure = _entry_point(bind, https_port, version)
        secure["http"] = {**secure.get("http", {}), "tls": {}}
        entry_points["websecure"] = secure
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {
            "level": "ERROR",
            "filePath": str(folder / "traefik.log"),
            "maxSize": 10,
            "maxBackups": 2,
        },
        "entryPoints": entry_points,
        "ping": {"manualRouting": True},
        "providers": {
            "providersThrottleDuration": "50ms",
            "file": {"directory": str(folder / "routes"), "watch": True},
        },
    }


def _entry_point(bind: str, port: int, version: tuple[int, int, int]) -> dict[str, Any]:
    """No read or write timeout: uploads, long polls and WebSockets take as long as they take."""
    made: dict[str, Any] = {
        "address": f"[{bind}]:{port}" if ":" in bind else f"{bind}:{port}",
        # A TLS proxy on this machine may say who asked, and that it was by HTTPS.
        "forwardedHeaders": {"trustedIPs": ["127.0.0.0/8", "::1/128"]},
        "transport": {
            "respondingTimeouts": {"readTimeout": 0, "writeTimeout": 0, "idleTimeout": "180s"},
            "lifeCycle": {"graceTimeOut": "10s"},
        },
    }
    if version >= ENCODED:
        made["http"] = {
            "encodedCharacters": {f"allowEncoded{name}": True for name in ENCODED_CHARACTERS}
        }
    return made


def own_routes(instance: str, pair: Pair, https_port: int | None) -> dict[str, Any]:
    """The router by which the proxy is recognised, how it talks to containers, the certificate;
    with https_port all of HTTP leads there.

    A certificate is needed without HTTPS too: else Traefik makes an RSA key anew at every change
    of a route, 40 ms of the switch, and at times 250, against 4 ms with it.

    Idle connections are dropped before any app would do it (gunicorn after 2 s, Node.js
    after 5), so that no request meets a connection that is just being closed.
    """
    http: dict[str, Any] = {
        "routers": {
            "deployzero-proxy": {
                "rule": f"Host(`{PROXY_HOST}`)",
                "priority": ALWAYS,
                "service": "ping@internal",
                "middlewares": ["deployzero-instance"],
            }
        },
        "middlewares": {
            "deployzero-instance": {
                "headers": {"customResponseHeaders": {INSTANCE_HEADER: instance}}
            }
        },
        "serversTransports": {
            TRANSPORT: _forwarding(),
            # The API's own certificate, over loopback: it is for the names that users ask for.
            API_TRANSPORT: {**_forwarding(), "insecureSkipVerify": True},
        },
    }
    if https_port is not None:
        http["routers"]["deployzero-redirect"] = {
            "rule": "PathPrefix(`/`)",
            "priority": REDIRECT,
            "entryPoints": ["web"],
            "service": "noop@internal",
            "middlewares": ["deployzero-redirect"],
        }
        # Not for ever, as browsers take it: TLS may be turned off again. 302 for GET, and 307,
        # which keeps the method, for all others.
        scheme = {"scheme": "https", "port": str(https_port), "permanent": False}
        http["middlewares"]["deployzero-redirect"] = {"redirectScheme": scheme}
    files = {"certFile": str(pair.cert), "keyFile": str(pair.key)}
    return {"http": http, "tls": {"stores": {"default": {"defaultCertificate": files}}}}


def _forwarding() -> dict[str, Any]:
    return {
        "maxIdleConnsPerHost": 200,
        "forwardingTimeouts": {"dialTimeout": "2s", "idleConnTimeout": "1s"},
    }
