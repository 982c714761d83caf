"""Signing in: polled until somebody says so; over SSH by the system's own ssh."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployzero.client import login
from deployzero.client.accounts import Account
from deployzero.client.api import API
from deployzero.client.login import SSHTarget, ssh_target
from deployzero.errors import DeployZeroException, ForbiddenError, UsageError

STARTED = login.Started("device", "ABCD-EFGH", "https://x/auth/cli-login", 5.0, 0.001)
TARGET = SSHTarget("deployzero", "my.host", 2222)


def polled(*answers: Any) -> API:
    left: Iterator[Any] = iter(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        found = next(left)
        if isinstance(found, Exception):
            raise found
        status, body = found
        return httpx.Response(status, json=body)

    return API(Account("https://x", ""), httpx.MockTransport(answer))


def state(status: str, key: str | None = None) -> tuple[int, dict[str, Any]]:
    return 200, {"status": status, "credentials": key and {"api_key": key}}


def test_it_waits_over_an_absence_until_it_is_approved() -> None:
    away = httpx.ConnectError("away")
    assert login.wait(polled(state("pending"), away, state("approved", "dz_1")), STARTED) == "dz_1"


def test_refused_expired_and_forgotten_end_it() -> None:
    with pytest.raises(ForbiddenError, match="refused"):
        login.wait(polled(state("refused")), STARTED)
    gone = (404, {"detail": "no", "hint": "", "output": []})
    for end in (state("expired"), gone):
        with pytest.raises(UsageError, match="in time") as error:
            login.wait(polled(state("pending"), end), STARTED)
        assert error.value.hint == "Start again: deployzero login"


@pytest.mark.parametrize(
    ("server", "given", "opened"),
    [
        ("https://api.my.host", "https://api.my.host/p?code=A", "https://api.my.host/p?code=A"),
        ("http://10.0.0.5:8081", "http://api.localhost/p?code=A", "http://10.0.0.5:8081/p?code=A"),
        ("http://127.0.0.1:1", "http://api.localhost/p?code=A", "http://api.localhost/p?code=A"),
    ],
)
def test_the_page_is_one_that_this_computer_reaches(server: str, given: str, opened: str) -> None:
    told = {
        "device_code": "d", "user_code": "A", "verification_url_complete": given,
        "expires_in": 600, "interval": 2,
    }  # fmt: skip
    transport = httpx.MockTransport(lambda _: httpx.Response(201, json=told))
    with API(Account(server, ""), transport) as api:
        assert login.start(api, "laptop").url == opened


def test_a_page_that_is_none_is_never_opened() -> None:
    told = {"device_code": "d", "user_code": "A", "verification_url_complete": "file:///etc/x",
            "expires_in": 600, "interval": 2}  # fmt: skip
    transport = httpx.MockTransport(lambda _: httpx.Response(201, json=told))
    with API(Account("https://x", ""), transport) as api, pytest.raises(DeployZeroException):
        login.start(api, "laptop")


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("ssh://deployzero@my.host:2222", TARGET),
        ("ssh://deployzero@my.host:2222/hello", TARGET),
        ("my.host", TARGET),
        ("ana@my.host:22", SSHTarget("ana", "my.host", 22)),
        ("ssh://my.host", SSHTarget("deployzero", "my.host", 22)),
    ],
)
def test_an_ssh_address_is_read_as_typed(typed: str, target: SSHTarget) -> None:
    assert ssh_target(typed) == target


@pytest.mark.parametrize(
    "typed", ["", "-oProxyCommand=x", "ssh://-x", "https://my.host", "a b", "x:y", "$(x)@h", "h;x"]
)
def test_what_is_no_ssh_address_never_reaches_ssh(typed: str) -> None:
    with pytest.raises(UsageError, match="bad SSH address"):
        ssh_target(typed)


def test_the_systems_ssh_is_asked_for_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"api_key": "dz_1", "server": {"api_url": "https://api.my.host", "ssh": "my.host:2222"}}
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" >{tmp_path}/asked\necho '{json.dumps(told)}'\n"
    )
    ssh.chmod(ssh.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    assert login.over_ssh(TARGET, "Ana's laptop") == told
    assert (tmp_path / "asked").read_text().splitlines()[2:] == [
        "-p", "2222", "--", "deployzero@my.host",
        "apikeys:create --name 'Ana'\"'\"'s laptop' --scope admin --expires-days 365 --json",
    ]  # fmt: skip
    assert login.server_of(told, TARGET) == "https://api.my.host"
    ssh.write_text("#!/bin/sh\necho Permission denied >&2\nexit 255\n")
    with pytest.raises(DeployZeroException, match="gave no API key"):
        login.over_ssh(TARGET, "x")


def test_a_server_that_only_knows_itself_as_localhost_needs_an_address() -> None:
    told = {"server": {"api_url": "http://api.localhost:8080", "ssh": "localhost:2222"}}
    with pytest.raises(UsageError, match="leads nowhere from here"):
        login.server_of(told, TARGET)
    assert login.ssh_of("localhost:2222", TARGET) == "my.host:2222"
    assert login.ssh_of("my.host:2222", None) == "my.host:2222"
