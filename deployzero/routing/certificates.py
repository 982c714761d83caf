"""The certificates that the proxy serves, in files of its own.

Each has its own content in its files' name: a renewal puts whole new files beside the old ones,
and one changed name in the proxy's configuration then takes both, certificate and key, at once.
"""

import datetime as dt
import hashlib
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deployzero.errors import SettingsError
from deployzero.models.certificate import Certificate

EXPIRES_SOON = dt.timedelta(days=10)
"""certbot renews a month before."""
SELF_SIGNED = dt.timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class HTTPS:
    """How the proxy is to serve HTTPS."""

    port: int
    domain: str
    """For the self-signed certificate."""
    cert: Path | None
    """None: self-signed."""
    key: Path | None


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of a certificate and of its key."""

    cert: Path
    key: Path


def read_certificate(cert: Path, key: Path) -> Certificate:
    """As it stands now. Raises SettingsError for what cannot be served: unreadable, broken, of
    different pairs, expired."""
    chain, secret = _read(cert, "TLS_CERT"), _read(key, "TLS_KEY")
    try:
        found = Certificate.of(chain, secret)
        found.check_time(dt.datetime.now(dt.UTC))
    except ValueError as error:
        raise SettingsError(
            f"bad setting DEPLOYZERO_TLS_CERT or DEPLOYZERO_TLS_KEY: {error} ({cert}, {key})",
            "Name the PEM files of one pair: the certificate with its chain (certbot's "
            "fullchain.pem), and its key (privkey.pem).",
        ) from error
    return found


def warning(cert: Path, key: Path, domain: str) -> str:
    """What an operator should know of a certificate that is served; empty: all is well.

    Raises SettingsError as `read_certificate`.
    """
    found = read_certificate(cert, key)
    if not found.covers(f"*.{domain}"):
        names = ", ".join(found.names) or "no name at all"
        return f"The certificate is not for *.{domain} (it is for {names}): browsers will refuse it"
    if found.not_after - dt.datetime.now(dt.UTC) < EXPIRES_SOON:
        return f"The certificate expires on {found.not_after:%Y-%m-%d}: renew it"
    return ""


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"bad setting DEPLOYZERO_{name}: cannot read {path}: {error.strerror}",
            "Name a PEM file that the server's user may read.",
        ) from error


def take_over(folder: Path, found: Certificate) -> Pair:
    """The proxy's own copy of it; written when it is not there yet."""
    digest = hashlib.sha256(found.chain + found.key).hexdigest()[:16]
    pair = Pair(folder / f"tls-{digest}.crt", folder / f"tls-{digest}.key")
    _write(pair.key, found.key)
    _write(pair.cert, found.chain)
    return pair


def forget_others(folder: Path, pair: Pair) -> None:
    """Remove the copies of what was served before."""
    for path in folder.glob("tls-*"):
        if path not in (pair.cert, pair.key):
            path.unlink(missing_ok=True)


def self_signed(folder: Path, domain: str = "") -> Pair:
    """A certificate that nobody vouches for, made once. domain: for all names right below it.

    The API's stands there by name: OpenSSL takes no wildcard right below `localhost`.
    """
    stem = f"self-signed-{domain}" if domain else "default"
    pair = Pair(folder / f"{stem}.crt", folder / f"{stem}.key")
    if pair.cert.exists() and pair.key.exists():
        return pair
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "deployzero default")])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + SELF_SIGNED)
    )
    if domain:
        hosts = (domain, f"*.{domain}", f"api.{domain}", "localhost")
        names = [x509.DNSName(host) for host in dict.fromkeys(hosts)]
        loopback = [x509.IPAddress(ipaddress.ip_address(each)) for each in ("127.0.0.1", "::1")]
        builder = builder.add_extension(
            x509.SubjectAlternativeName([*names, *loopback]), critical=False
        )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(pair.key, private)
    made = builder.sign(key, hashes.SHA256())
    _write(pair.cert, made.public_bytes(serialization.Encoding.PEM))
    return pair


def _write(path: Path, content: bytes) -> None:
    """Atomically, for the owner alone; not again what is there."""
    if path.exists() and path.read_bytes() == content:
        return
    draft = path.with_suffix(f"{path.suffix}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    os.replace(draft, path)
