"""A log is followed over broken connections: every line once, in order."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deployzero.client import following
from deployzero.client.accounts import Account
from deployzero.client.api import API, UnavailableError
from deployzero.client.following import Ended, Line, follow
from deployzero.errors import NotFoundError

STATUS = {"type": "status", "state": "live", "live": True, "release": 7, "url": "u", "reason": ""}


def lines(*numbers: int) -> bytes:
    logs = ({"type": "log", "seq": n, "data": f"line {n}"} for n in numbers)
    return b"".join(json.dumps(each).encode() + b"\n" for each in logs)


class Broken(httpx.SyncByteStream):
    """Some bytes, then the connection is lost."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self._data
        raise httpx.ReadError("connection reset")


def api_of(*answers: Any) -> tuple[API, list[str]]:
    left, asked = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["since"])
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return API(Account("https://my.host", "k"), httpx.MockTransport(answer)), asked


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "FIRST_PAUSE", 0.001)


def test_a_log_that_breaks_goes_on_where_it_was() -> None:
    away: list[str] = []
    api, asked = api_of(
        httpx.Response(200, stream=Broken(lines(1, 2) + b'{"type": "lo')),
        httpx.ConnectError("refused"),
        httpx.Response(502, text="Bad Gateway"),
        httpx.Response(200, content=b"\n\n" + lines(3)),  # the server stopped in good order
        httpx.Response(200, content=lines(4) + json.dumps(STATUS).encode() + b"\n"),
    )
    found = list(follow(api, 5, away=away.append))
    assert found == [
        *(Line(n, f"line {n}") for n in (1, 2, 3, 4)), Ended("live", True, 7, "u", "")
    ]  # fmt: skip
    assert asked == ["0", "2", "2", "2", "3"]
    assert len(away) == 2  # told once each time that it goes, not at every try


def test_a_server_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PATIENCE", 0.02)
    api, _ = api_of(*[httpx.ConnectError("refused")] * 1000)
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match="refused"):
        list(follow(api, 5))
    assert time.monotonic() - begun < 5


def test_what_the_server_refuses_is_not_asked_again() -> None:
    problem = {"detail": "there is no deployment 5", "hint": "", "output": []}
    api, asked = api_of(httpx.Response(404, json=problem))
    with pytest.raises(NotFoundError):
        list(follow(api, 5))
    assert asked == ["0"]


def test_a_connection_that_breaks_after_long_silence_is_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1.0]

    class Quiet(httpx.SyncByteStream):
        """Empty lines for longer than a server that is away is waited for, then it breaks."""

        def __iter__(self) -> Iterator[bytes]:
            for _ in range(3):
                clock[0] += following.PATIENCE
                yield b"\n"
            raise httpx.ReadError("connection reset")

    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    api, asked = api_of(
        httpx.Response(200, stream=Broken(lines(1))),
        httpx.Response(200, stream=Quiet()),
        httpx.ConnectError("refused"),
        httpx.Response(200, content=json.dumps(STATUS).encode() + b"\n"),
    )
    away: list[str] = []
    assert [type(each) for each in follow(api, 5, away=away.append)] == [Line, Ended]
    assert asked == ["0", "1", "1", "1"]
    assert len(away) == 2
