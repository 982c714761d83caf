"""Public keys as people hand them in: what is taken, and why the rest is not."""

from collections.abc import Iterator
from dataclasses import dataclass

import asyncssh

from deployzero.errors import UsageError
from deployzero.source.lines import printable

LEAST_RSA_BITS = 2048
LONGEST_NAME = 100
KINDS = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "ssh-ed448", "ssh-dss")
PRIVATE = ("PRIVATE KEY", "PuTTY-User-Key-File")
HINT = "Each line reads like `ssh-ed25519 AAAA… name`: that is the file id_ed25519.pub."


@dataclass(frozen=True, slots=True)
class PublicKey:
    line: str
    """Algorithm and key in OpenSSH's format, without the comment."""
    comment: str
    fingerprint: str
    """SHA256:…"""


def read_public_keys(text: str) -> list[PublicKey]:
    """Read OpenSSH public keys, one a line; empty lines and `#` comments are left out.

    Raises UsageError that says what is wrong, without repeating what was sent.
    """
    if any(word in text for word in PRIVATE):
        raise UsageError(
            "that is a private key: nothing was stored",
            "Send the public half, the file that ends with .pub. A private key stays with you.",
        )
    if "BEGIN SSH2 PUBLIC KEY" in text or "BEGIN PUBLIC KEY" in text or "BEGIN RSA PUBLIC" in text:
        raise UsageError(
            "that is a public key in another format",
            "Turn it into OpenSSH's: ssh-keygen -i -f FILE",
        )
    found = {key.fingerprint: key for key in _each(text)}
    if not found:
        raise UsageError("no key came in", "Send it on standard input: keys:add < id_ed25519.pub")
    return list(found.values())


def _each(text: str) -> Iterator[PublicKey]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield _read(line.strip(), number)


def _read(line: str, number: int) -> PublicKey:
    words = line.split()
    algorithm = words[0]
    if "-cert-v" in algorithm:
        raise UsageError(f"line {number} is a certificate", "Send the plain public key instead.")
    if not algorithm.startswith(KINDS):
        if any(word.startswith(KINDS) for word in line.replace('"', " ").split()[1:]):
            raise UsageError(
                f"line {number} has options in front of the key",
                "They would not be followed here: send the key without them.",
            )
        raise UsageError(f"line {number} is no OpenSSH public key", HINT)
    if algorithm == "ssh-dss":
        raise UsageError(f"line {number} is a DSA key: it is too weak", "ssh-keygen -t ed25519")
    try:
        key = asyncssh.import_public_key(" ".join(words[:2]))
    except (asyncssh.KeyImportError, ValueError):
        raise UsageError(f"line {number} is no OpenSSH public key: it is damaged", HINT) from None
    bits = _rsa_bits(key)
    if bits is not None and bits < LEAST_RSA_BITS:
        raise UsageError(
            f"line {number} is an RSA key of {bits} bits: it is too weak",
            f"At least {LEAST_RSA_BITS} bits are needed: ssh-keygen -t ed25519",
        )
    return PublicKey(
        line=key.export_public_key().decode().strip(),
        comment=" ".join(printable(" ".join(words[2:])).split())[:LONGEST_NAME],
        fingerprint=key.get_fingerprint(),
    )


def _rsa_bits(key: asyncssh.SSHKey) -> int | None:
    """The length of an RSA key's modulus; None: it is of another kind."""
    if key.get_algorithm() != "ssh-rsa":
        return None
    packet = memoryview(key.public_data)
    for _ in range(2):  # algorithm and exponent stand before the modulus (RFC 4253, 6.6)
        packet = packet[4 + int.from_bytes(packet[:4], "big") :]
    size = int.from_bytes(packet[:4], "big")
    return int.from_bytes(packet[4 : 4 + size], "big").bit_length()
