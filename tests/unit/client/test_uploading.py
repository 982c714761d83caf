"""An upload that breaks is sent again whole, under the same key."""

import io
import json
import socket
import struct

import httpx
import pytest

from deployzero.client import uploading
from deployzero.client.accounts import Account
from deployzero.client.api import API, UnavailableError
from deployzero.client.uploading import upload
from deployzero.errors import ConflictError

from .conftest import Handler, Serve

ARCHIVE = bytes(range(256)) * 4096


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "FIRST_PAUSE", 0.001)


def test_a_dropped_upload_is_sent_again_with_the_same_key(serve: Serve) -> None:
    keys, bodies = [], []

    def answer(asked: Handler) -> None:
        keys.append(asked.headers["Idempotency-Key"])
        if len(keys) == 1:  # reset in the middle
            asked.rfile.read(1000)
            linger = struct.pack("ii", 1, 0)
            asked.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            asked.connection.close()
            return
        bodies.append(asked.rfile.read(int(asked.headers["Content-Length"])))
        asked.send(json.dumps({"id": 7}), 202)

    sent: list[int] = []
    again: list[str] = []
    with API(Account(f"http://127.0.0.1:{serve(answer)}", "k")) as api:
        told = upload(api, "hello", io.BytesIO(ARCHIVE), "A word", sent.append, again.append)
    assert told == {"id": 7}
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert len(again) == 1
    assert ARCHIVE in bodies[0]
    assert bodies[0].index(b"A word") < bodies[0].index(ARCHIVE)
    assert max(sent) == len(ARCHIVE)


def test_a_server_that_restarts_is_waited_for_and_told_of_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, asked, told = [1.0], list[float](), list[str]()

    def answer(_: httpx.Request) -> httpx.Response:
        asked.append(now[0])
        return httpx.Response(502, text="Bad Gateway")

    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda by: now.insert(0, now[0] + by))
    api = API(Account("https://x", "k"), httpx.MockTransport(answer))
    with api, pytest.raises(UnavailableError):
        upload(api, "hello", io.BytesIO(ARCHIVE), "m", again=told.append)
    assert 300 <= asked[-1] - asked[0] < 310
    assert told == ["x answered 502 Bad Gateway: the server restarts, or is down"]


def test_a_server_that_says_what_is_wrong_is_asked_a_few_times_only() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(503, json={"detail": "no engine", "hint": "", "output": []})

    api = API(Account("https://x", "k"), httpx.MockTransport(answer))
    with api, pytest.raises(UnavailableError, match="no engine"):
        upload(api, "hello", io.BytesIO(ARCHIVE), "m")
    assert len(asked) == uploading.TRIES


def test_what_is_refused_is_not_sent_again() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(409, json={"detail": "locked", "hint": "", "output": []})

    api = API(Account("https://x", "k"), httpx.MockTransport(answer))
    with api, pytest.raises(ConflictError):
        upload(api, "hello", io.BytesIO(ARCHIVE), "m")
    assert len(asked) == 1
