import datetime as dt
import ssl
from pathlib import Path

import pytest
from certificate_authority import CertificateAuthority
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from deployzero.errors import SettingsError
from deployzero.models.certificate import Certificate
from deployzero.routing.certificates import (
    forget_others,
    read_certificate,
    self_signed,
    take_over,
    warning,
)


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "ca")


def written(folder: Path, chain: bytes, key: bytes) -> tuple[Path, Path]:
    cert, secret = folder / "fullchain.pem", folder / "privkey.pem"
    cert.write_bytes(chain)
    secret.write_bytes(key)
    return cert, secret


def test_what_cannot_be_served_is_refused_and_says_why(
    tmp_path: Path, authority: CertificateAuthority
) -> None:
    chain, key = authority.issue("*.apps.test")
    locked = load_pem_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    for (cert, secret), why in (
        ((b"", key), "no PEM certificate"),
        ((chain, b"none"), "no PEM private key"),
        ((chain, locked), "passphrase"),
        ((chain, authority.issue("*.apps.test")[1]), "not the certificate's"),
        (authority.issue("*.apps.test", days=-1), "expired on"),
    ):
        with pytest.raises(SettingsError, match=why) as caught:
            read_certificate(*written(tmp_path, cert, secret))
        assert "DEPLOYZERO_TLS_CERT" in caught.value.message
        assert "PRIVATE KEY" not in str(caught.value)
    with pytest.raises(SettingsError, match=r"DEPLOYZERO_TLS_KEY: cannot read .*none\.pem"):
        read_certificate(written(tmp_path, chain, key)[0], tmp_path / "none.pem")


def test_a_certificate_covers_its_names_and_wildcards_one_label(
    authority: CertificateAuthority,
) -> None:
    found = Certificate.of(*authority.issue("*.apps.test", "www.example.com"))
    for host, covered in (
        ("hello.apps.test", True), ("*.apps.test", True), ("apps.test", False),
        ("a.b.apps.test", False), ("www.example.com", True), ("*.example.com", False),
    ):  # fmt: skip
        assert found.covers(host) is covered, host
    assert found.not_after > dt.datetime.now(dt.UTC)


def test_other_names_and_a_near_end_are_warned_of(
    tmp_path: Path, authority: CertificateAuthority
) -> None:
    for names, days, told in (
        (("*.apps.test",), 60, ""),
        (("apps.test",), 60, "not for *.apps.test (it is for apps.test)"),
        ((), 60, "no name at all"),
        (("*.apps.test",), 3, "expires on"),
    ):
        said = warning(*written(tmp_path, *authority.issue(*names, days=days)), "apps.test")
        assert told in said
        assert bool(told) == bool(said)


def test_each_certificate_has_files_of_its_own_until_it_is_forgotten(
    tmp_path: Path, authority: CertificateAuthority
) -> None:
    first, second = (
        take_over(tmp_path, Certificate.of(*authority.issue("*.apps.test"))) for _ in range(2)
    )
    assert first != second
    assert second.key.stat().st_mode & 0o077 == 0
    forget_others(tmp_path, second)
    assert not first.cert.exists()
    assert not first.key.exists()
    ssl.create_default_context().load_cert_chain(second.cert, second.key)


def test_the_self_signed_one_is_for_the_domain_and_made_once(tmp_path: Path) -> None:
    pair = self_signed(tmp_path, "apps.test")
    before = pair.cert.read_bytes()
    assert self_signed(tmp_path, "apps.test") == pair
    assert pair.cert.read_bytes() == before
    names = Certificate.of(before, pair.key.read_bytes()).names
    assert names[:3] == ("apps.test", "*.apps.test", "api.apps.test")  # OpenSSL needs its name
    assert self_signed(tmp_path) != pair
