import base64
import struct

from deployzero.build.truststore import truststore


def pem(content: bytes) -> bytes:
    text = base64.encodebytes(content)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


def entries(store: bytes) -> tuple[int, ...]:
    """(magic, version, number of entries), all big-endian."""
    return struct.unpack(">III", store[:12])


def test_each_certificate_of_the_bundle_is_in_it_once() -> None:
    store = truststore(b"# one\n" + pem(b"one" * 40) + pem(b"two" * 40) + pem(b"one" * 40))
    assert entries(store) == (0xFEEDFEED, 2, 2)
    assert store.count(b"one" * 40) == 1
    assert b"two" * 40 in store


def test_the_same_bundle_gives_the_same_bytes() -> None:
    assert truststore(pem(b"x")) == truststore(pem(b"x"))


def test_keys_and_broken_text_are_left_out() -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"
    key = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    store = truststore(key + broken + pem(b"one"))
    assert entries(store)[2] == 1
    assert b"secret" not in store


def test_its_layout_is_that_of_the_format() -> None:
    store = truststore(pem(b"one"))
    assert len(store) == 12 + 4 + 2 + 4 + 8 + 2 + 5 + 4 + 3 + 20
