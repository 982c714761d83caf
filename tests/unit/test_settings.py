from pathlib import Path

import pytest

from deployzero.errors import SettingsError
from deployzero.settings import load_settings, parse_bytes


def load(**environ: str):  # type: ignore[no-untyped-def]
    return load_settings(environ={f"DEPLOYZERO_{name}": value for name, value in environ.items()})


def test_an_unknown_setting_is_refused_by_name_with_the_near_one() -> None:
    with pytest.raises(SettingsError, match="unknown setting DEPLOYZERO_SHH_PORT") as caught:
        load(SHH_PORT="22")
    assert "DEPLOYZERO_SSH_PORT" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSH_PORT", "0"),
        ("SSH_PORT", "many"),
        ("MEMORY", "lots"),
        ("MEMORY", "0"),
        ("CPUS", "-1"),
        ("BIND", "everywhere"),
        ("DOMAIN", "a`b"),
        ("DOMAIN", "UPPER"),
        ("BUILD_TIMEOUT", "0"),
        ("BUILD_CA_BUNDLE", "/no/such/file"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"bad setting DEPLOYZERO_{name}"):
        load(**{name: value})


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::"])
def test_a_public_address_without_tls_must_be_accepted_in_so_many_words(address: str) -> None:
    with pytest.raises(SettingsError, match="DEPLOYZERO_BIND"):
        load(BIND=address)
    assert load(BIND=address, ALLOW_PLAIN_HTTP="true").bind == address


def test_a_public_address_with_a_certificate_is_fine() -> None:
    assert load(BIND="0.0.0.0", TLS_CERT="self-signed").bind == "0.0.0.0"
    assert load(BIND="::", TLS_CERT="c.pem", TLS_KEY="k.pem").tls_files == (
        Path("c.pem"), Path("k.pem")
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"TLS_CERT": "c.pem"}, "TLS_KEY"),
        ({"TLS_KEY": "k.pem"}, "TLS_CERT"),
        ({"TLS_CERT": "self-signed", "TLS_KEY": "k.pem"}, "TLS_KEY"),
    ],
)
def test_half_a_certificate_is_refused(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=f"setting DEPLOYZERO_{named}"):
        load(**given)


def test_urls_are_where_apps_answer() -> None:
    assert load().url("hello") == "http://hello.localhost:8080"
    secure = {"TLS_CERT": "self-signed"}
    assert load(**secure).url("hello") == "https://hello.localhost:8443"
    assert load(**secure, HTTPS_PORT="443").api_url == "https://api.localhost"


def test_the_https_port_is_a_port_like_others_once_it_serves() -> None:
    assert load(HTTP_PORT="8443").http_port == 8443
    with pytest.raises(SettingsError, match=r"DEPLOYZERO_HTTPS_PORT.*DEPLOYZERO_HTTP_PORT"):
        load(HTTP_PORT="8443", TLS_CERT="self-signed")


def test_two_settings_with_the_same_port_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"DEPLOYZERO_API_PORT.*DEPLOYZERO_HTTP_PORT"):
        load(HTTP_PORT="8000", API_PORT="8000")


def test_the_environment_stands_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "deployzero.toml"
    file.write_text('ssh_port = 2200\nhttp_port = 80\nbuild_env = { PIP_INDEX_URL = "file" }\n')
    settings = load_settings(
        file, {"DEPLOYZERO_SSH_PORT": "2300", "DEPLOYZERO_BUILD_ENV_NPM_CONFIG_REGISTRY": "r"}
    )
    assert (settings.ssh_port, settings.http_port) == (2300, 80)
    assert settings.build_env == {"PIP_INDEX_URL": "file", "NPM_CONFIG_REGISTRY": "r"}
    assert settings.url("hello") == "http://hello.localhost"


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("ssh_port 2200")
    with pytest.raises(SettingsError, match=r"broken\.toml.*line 1"):
        load_settings(file, {})


@pytest.mark.parametrize(
    ("text", "size"), [("512m", 512 << 20), ("1g", 1 << 30), ("2GiB", 2 << 30), ("100", 100)]
)
def test_sizes_read_as_docker_has_them(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgres://u@h/d", "postgresql+asyncpg://u@h/d"),
        ("postgresql://u@h/d", "postgresql+asyncpg://u@h/d"),
        ("sqlite:////x/y.db", "sqlite+aiosqlite:////x/y.db"),
        ("sqlite+aiosqlite:////x/y.db", "sqlite+aiosqlite:////x/y.db"),
    ],
)
def test_a_database_url_gets_its_async_driver(url: str, driver: str) -> None:
    assert load(DATABASE_URL=url).database == driver


def test_what_only_the_command_line_reads_is_no_unknown_setting() -> None:
    names = ("DEPLOYZERO_SERVER", "DEPLOYZERO_API_KEY", "DEPLOYZERO_DEBUG")
    assert load_settings(environ=dict.fromkeys(names, "1")) == load_settings(environ={})
