"""An archive by HTTP, its log over a WebSocket, a program over another."""

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from socket import create_connection
from typing import Any

import httpx
import pytest
from daemon import Daemon
from websockets.sync.client import ClientConnection, connect

from .conftest import FILES, Person

APP_NAME = "by-http"
LIMIT = 60.0


@pytest.fixture
def key(new_person: Callable[[str], Person]) -> str:
    return new_person("http").ssh("apikeys:create").out.strip()


@pytest.fixture
def api(server: Daemon, key: str) -> Any:
    address = f"http://127.0.0.1:{server.api_port}"
    headers = {"X-API-Key": key}
    with httpx.Client(base_url=address, headers=headers, timeout=LIMIT, trust_env=False) as made:
        yield made
        made.delete(f"/projects/{APP_NAME}", params={"confirm": APP_NAME})


@pytest.fixture
def socket(server: Daemon, key: str) -> Callable[[str], ClientConnection]:
    """Through the proxy, as from outside."""

    def opened(path: str) -> ClientConnection:
        url = f"ws://api.localhost:{server.http_port}{path}"
        made = create_connection(("127.0.0.1", server.http_port))
        return connect(url, sock=made, additional_headers={"X-API-Key": key}, proxy=None)

    return opened


def archive(files: Mapping[str, str]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"app/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def deploy(api: httpx.Client, files: Mapping[str, str], **headers: str) -> httpx.Response:
    return api.post(
        f"/projects/{APP_NAME}/deployments", headers=headers,
        data={"message": "By HTTP"}, files={"file": ("app.tar.gz", archive(files))},
    )  # fmt: skip


def followed(socket: Callable[[str], ClientConnection], deployment: int) -> list[Any]:
    with socket(f"/deployments/{deployment}/logs") as connection:
        return [json.loads(message) for message in connection]


def test_deploy_follow_fail_and_run(
    server: Daemon, api: httpx.Client, socket: Callable[[str], ClientConnection]
) -> None:
    assert deploy(api, FILES).status_code == 404
    assert api.post("/projects", json={"project_name": APP_NAME}).status_code == 201

    first = deploy(api, FILES, **{"Idempotency-Key": "first"})
    assert first.status_code == 202
    *lines, status = followed(socket, first.json()["id"])
    assert [each["seq"] for each in lines] == [*range(1, len(lines) + 1)]
    assert any("Live" in each["data"] for each in lines)
    assert (status["state"], status["live"], status["release"]) == ("live", True, 1)
    assert status["url"] == f"http://{APP_NAME}.localhost:{server.http_port}"
    assert server.get(APP_NAME).text == "hello"
    again = deploy(api, FILES, **{"Idempotency-Key": "first"})
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])

    broken = deploy(api, FILES | {"app.py": "raise SystemExit('no way')"}).json()["id"]
    *lines, status = followed(socket, broken)
    assert (status["state"], status["live"]) == ("error", False)
    assert status["reason"]
    assert any("no way" in each["data"] for each in lines)
    assert api.get(f"/deployments/{broken}").json()["reason"] == status["reason"]
    assert "no way" in api.get(f"/deployments/{broken}/logs").text
    assert server.get(APP_NAME).text == "hello"

    with socket(f"/projects/{APP_NAME}/run") as connection:
        connection.send(json.dumps({"command": ["sh", "-c", "cat; echo no >&2; exit 3"]}))
        connection.send(b"echo ")
        connection.send(b"me")
        connection.send(json.dumps({"type": "eof"}))
        messages = list(connection)
    told = [each for each in messages if isinstance(each, bytes)]
    assert b"".join(each[1:] for each in told if each[0] == 1) == b"echo me"
    assert b"".join(each[1:] for each in told if each[0] == 2) == b"no\n"
    assert json.loads(messages[-1]) == {"type": "exit", "code": 3}

    printed = api.get(f"/projects/{APP_NAME}/logs", headers={"Accept": "application/x-ndjson"})
    assert {json.loads(line)["source"] for line in printed.text.splitlines()} == {"web.1"}
    assert "request /" in printed.text
    with api.stream("GET", f"/projects/{APP_NAME}/logs?follow=1&lines=0") as answer:
        server.get(APP_NAME, "/followed")
        assert "app[web.1]: request /followed" in next(answer.iter_lines())
