"""A TLS certificate with its key, as two PEM texts: what it is for, and until when."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)


@dataclass(frozen=True, slots=True)
class Certificate:
    chain: bytes
    """PEM: its own certificate first."""
    key: bytes = field(repr=False)
    names: tuple[str, ...]
    """DNS names, wildcards as they stand."""
    not_before: dt.datetime
    not_after: dt.datetime

    @classmethod
    def of(cls, chain: bytes, key: bytes) -> Self:
        """Raises ValueError, saying in a few words which of the two is bad, and how."""
        try:
            own = x509.load_pem_x509_certificates(chain)[0]
        except ValueError as error:
            raise ValueError("the certificate is no PEM certificate") from error
        try:
            private = load_pem_private_key(key, None)
        except TypeError as error:
            raise ValueError("the key has a passphrase: it must have none") from error
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValueError("the key is no PEM private key") from error
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if private.public_key().public_bytes(*form) != own.public_key().public_bytes(*form):
            raise ValueError("the key is not the certificate's")
        return cls(chain, key, _names(own), own.not_valid_before_utc, own.not_valid_after_utc)

    def check_time(self, now: dt.datetime) -> None:
        """Raises ValueError while it is not valid."""
        if now >= self.not_after:
            raise ValueError(f"the certificate expired on {self.not_after:%Y-%m-%d}")
        if now < self.not_before:
            raise ValueError(f"the certificate is valid from {self.not_before:%Y-%m-%d} on only")

    def covers(self, host: str) -> bool:
        """host: a name, or a wildcard for all names right below another."""
        _, _, parent = host.partition(".")
        return host in self.names or f"*.{parent}" in self.names


def _names(own: x509.Certificate) -> tuple[str, ...]:
    try:
        found = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(name.lower() for name in found.get_values_for_type(x509.DNSName))
