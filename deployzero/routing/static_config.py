"""What the proxy is started with, and the part of its routes that belongs to no app."""

import datetime as dt
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deployzero.routing.route import TRANSPORT

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
    folder: Path, bind: str, port: int, version: tuple[int, int, int]
) -> dict[str, Any]:
    """Traefik's static configuration. No read or write timeout: uploads, long polls and
    WebSockets take as long as they take."""
    address = f"[{bind}]:{port}" if ":" in bind else f"{bind}:{port}"
    web: dict[str, Any] = {
        "address": address,
        # A TLS proxy on this machine may say who asked, and that it was by HTTPS.
        "forwardedHeaders": {"trustedIPs": ["127.0.0.0/8", "::1/128"]},
        "transport": {
            "respondingTimeouts": {"readTimeout": 0, "writeTimeout": 0, "idleTimeout": "180s"},
            "lifeCycle": {"graceTimeOut": "10s"},
        },
    }
    if version >= ENCODED:
        web["http"] = {
            "encodedCharacters": {f"allowEncoded{name}": True for name in ENCODED_CHARACTERS}
        }
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {
            "level": "ERROR",
            "filePath": str(folder / "traefik.log"),
            "maxSize": 10,
            "maxBackups": 2,
        },
        "entryPoints": {"web": web},
        "ping": {"manualRouting": True},
        "providers": {
            "providersThrottleDuration": "50ms",
            "file": {"directory": str(folder / "routes"), "watch": True},
        },
    }


def own_routes(folder: Path, instance: str) -> dict[str, Any]:
    """The router by which the proxy is recognised, and how it talks to containers.

    Idle connections are dropped before any app would do it (gunicorn after 2 s, Node.js
    after 5), so that no request meets a connection that is just being closed.
    """
    return {
        "http": {
            "routers": {
                "deployzero-proxy": {
                    "rule": f"Host(`{PROXY_HOST}`)",
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
                TRANSPORT: {
                    "maxIdleConnsPerHost": 200,
                    "forwardingTimeouts": {"dialTimeout": "2s", "idleConnTimeout": "1s"},
                }
            },
        },
        "tls": {
            "stores": {
                "default": {
                    "defaultCertificate": {
                        "certFile": str(folder / "default.crt"),
                        "keyFile": str(folder / "default.key"),
                    }
                }
            }
        },
    }


def write_default_certificate(folder: Path) -> None:
    """A self-signed certificate, once.

    Without one, Traefik makes an RSA key anew at every change of a route: 40 ms of the
    switch, and at times 250, against 4 ms with it.
    """
    if (folder / "default.crt").exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "deployzero default")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    private = folder / "default.key"
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / "default.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
