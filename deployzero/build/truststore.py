"""Certificates as Java reads them: a truststore (JKS), which every JDK opens without a password.

PEM files mean nothing to a JVM. PKCS #12 would do as well, but begins with random bytes, and
the image with the build-only material is named by its content.
"""

import base64
import hashlib
import re
import struct
from collections.abc import Iterator

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----"
)
_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2
_DIGEST_KEY = "changeit"
"""The password that Java assumes: what lies here is public, and the digest only proves it whole."""


def truststore(bundle: bytes) -> bytes:
    """Of a PEM bundle; the same bundle gives the same bytes."""
    found = dict.fromkeys(_certificates(bundle))
    head = struct.pack(">III", _MAGIC, _VERSION, len(found))
    body = head + b"".join(_entry(number, each) for number, each in enumerate(found))
    keyed = _DIGEST_KEY.encode("utf-16-be") + b"Mighty Aphrodite" + body  # as the format has it
    return body + hashlib.sha1(keyed, usedforsecurity=False).digest()


def _certificates(bundle: bytes) -> Iterator[bytes]:
    for match in _CERTIFICATE.finditer(bundle):
        try:
            yield base64.b64decode(match[1])
        except ValueError:
            continue


def _entry(number: int, certificate: bytes) -> bytes:
    alias, made = f"ca-{number}", 0
    return (
        struct.pack(">I", _TRUSTED)
        + _text(alias)
        + struct.pack(">Q", made)
        + _text("X.509")
        + struct.pack(">I", len(certificate))
        + certificate
    )


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode("ascii")
