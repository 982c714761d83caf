import subprocess
from pathlib import Path

import pytest

from deployzero.build import material
from deployzero.errors import BuildError


def test_the_variables_reach_a_shell_unharmed(tmp_path: Path) -> None:
    value = "a 'b' $c \"d\" \\ `e`"
    (tmp_path / "env").write_bytes(material.files(None, {"A": value})["env"])
    ran = subprocess.run(
        ["/bin/sh", "-c", f'. {tmp_path}/env; printf %s "$A"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout == value


def test_the_bundle_is_named_to_the_tools_that_ask_for_one() -> None:
    env = material.files(b"PEM", {})["env"].decode()
    for name in ("PIP_CERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"):
        assert f"export {name}=/run/deployzero-build/ca.crt\n" in env


def test_java_trusts_the_same_beside_what_it_is_told_already(tmp_path: Path) -> None:
    (tmp_path / "env").write_bytes(material.files(b"PEM", {"MAVEN_OPTS": "-Xmx1g"})["env"])
    ran = subprocess.run(
        ["/bin/sh", "-euc", f'. {tmp_path}/env; printf %s "$MAVEN_OPTS"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.startswith("-Xmx1g -Djavax.net.ssl.trustStore=/run/deployzero-build/ca.jks ")


@pytest.mark.parametrize("name", ["A-B", "1A", "", "A B", "A;B", "A\n"])
def test_a_name_that_no_shell_takes_is_refused(name: str) -> None:
    with pytest.raises(BuildError):
        material.files(None, {name: "x"})


def test_the_same_content_has_the_same_name_and_bytes() -> None:
    one, two = (
        material.files(b"x", {"A": "1", "B": "2"}),
        material.files(b"x", {"B": "2", "A": "1"}),
    )
    name = material.image_name("i", b"key", one)
    assert name == material.image_name("i", b"key", two)
    assert material.tar(one) == material.tar(two)
    assert name != material.image_name("i", b"key", material.files(b"x", {"A": "1"}))


def test_an_images_name_is_its_instances_and_cannot_be_told_from_the_content() -> None:
    content = material.files(b"x", {"A": "1"})
    name = material.image_name("i", b"key", content)
    assert name.startswith(material.material_tag_prefix("i"))
    assert name != material.image_name("i", b"another", content)


def test_what_is_hidden_is_what_is_secret() -> None:
    found = material.secrets(
        {"PIP_INDEX_URL": "https://me:hunter22@x.example/simple", "API_TOKEN": "tok1", "DEBUG": "1"}
    )
    assert "hunter22" in found
    assert "tok1" in found
    assert "1" not in found


def test_an_address_that_is_none_is_hidden_as_a_whole() -> None:
    assert material.secrets({"A": "to https://me:hunter22@[x/"}) == ["https://me:hunter22@[x/"]


def test_everyday_words_are_no_secrets_whatever_their_name() -> None:
    assert material.secrets({"AUTH_ENABLED": "true", "KEY_MODE": "production"}) == []


def test_each_line_of_a_secret_is_hidden_by_itself() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----\n"
    assert set(material.secrets({"DEPLOY": key})) == set(key.split("\n")) - {""}


def test_a_secret_that_holds_an_address_is_hidden_and_an_address_is_not() -> None:
    account = '{"private_key": "MIIEvQIBADANBgkq", "auth_uri": "https://a.example/"}'
    assert material.secrets({"GOOGLE_CREDENTIALS": account}) == [account]
    assert material.secrets({"AUTH_URL": "https://a.example/login"}) == []
