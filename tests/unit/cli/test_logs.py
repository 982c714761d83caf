"""An app's log is read over lost connections, each line once."""

import json
from collections.abc import Iterator
from itertools import islice

import httpx
import pytest
from click.testing import CliRunner

from deployzero.cli import main
from deployzero.client import following, runtime_logs
from deployzero.client.accounts import Account
from deployzero.client.api import API
from deployzero.errors import DeployZeroException, NotFoundError

PATH = "/projects/hello/logs"


def line(at: int, text: str, source: str = "web.1") -> dict[str, str]:
    return {"at": f"2026-11-23T04:00:{at:02}.123456789Z", "source": source, "data": text}


class Broken(httpx.SyncByteStream):
    """Some lines, an empty one, and then the connection is gone."""

    def __init__(self, *lines: dict[str, str], half: bool = False) -> None:
        self.text = "".join(f"{json.dumps(each)}\n\n" for each in lines) + '{"at": "2' * half

    def __iter__(self) -> Iterator[bytes]:
        yield self.text.encode()
        raise httpx.ReadError("connection reset")


def api_of(*answers: httpx.Response) -> tuple[API, list[httpx.Request]]:
    asked: list[httpx.Request] = []
    rest = iter(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return next(rest)

    return API(Account("http://test", "key"), httpx.MockTransport(handle)), asked


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_lines_come_once_over_lost_connections() -> None:
    other, old = line(2, "two of another", "worker.1"), line(0, "not asked for", "worker.1")
    again = (old, line(1, "one"), other, line(3, "three"), line(4, "four"))
    api, asked = api_of(
        httpx.Response(200, stream=Broken(line(1, "one"), line(3, "three"), half=True)),
        httpx.Response(503, json={"detail": "not now", "hint": "", "output": []}),
        httpx.Response(200, stream=Broken(*again)),
    )
    away: list[str] = []
    found = list(islice(runtime_logs.follow(api, PATH, 5, "web", away.append), 4))
    assert [each["data"] for each in found] == ["one", "three", "two of another", "four"]
    assert len(away) == 1
    assert asked[0].url.params["lines"] == "5"
    assert asked[0].url.params["process"] == "web"
    assert asked[2].url.params["lines"] == str(runtime_logs.MISSED)


def test_what_the_server_refuses_ends_it() -> None:
    refusal = {"detail": "there is no app hello", "hint": "", "output": []}
    api, _ = api_of(
        httpx.Response(200, stream=Broken(line(1, "one"))), httpx.Response(404, json=refusal)
    )
    with pytest.raises(NotFoundError, match="there is no app hello"):
        list(runtime_logs.follow(api, PATH, 5, None))


def test_a_server_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PATIENCE", -1.0)
    api, _ = api_of(httpx.Response(200, stream=Broken(line(1, "one"))))
    with pytest.raises(DeployZeroException, match="does not answer"):
        list(runtime_logs.follow(api, PATH, 5, None))


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What the server has of the app; the command line reads it."""
    lines: list[dict[str, object]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.url.path == PATH
        return httpx.Response(200, text="".join(json.dumps(each) + "\n" for each in lines))

    def connect(_: str | None) -> API:
        return API(Account("http://test", "key"), httpx.MockTransport(handle))

    monkeypatch.setattr("deployzero.cli.logs.connect", connect)
    return lines


def test_lines_read_as_over_ssh_and_cannot_steer_the_terminal(
    served: list[dict[str, object]],
) -> None:
    served += [line(1, "hi \x1b[2J\u2028there"), {"skipped": 7}]
    done = CliRunner().invoke(main, ["logs", "hello"])
    assert done.stdout.splitlines() == [
        "2026-11-23T04:00:01.123Z app[web.1]: hi [2Jthere",
        "… 7 lines skipped: more came than could be shown",
    ]
    assert CliRunner().invoke(main, ["logs", "hello", "-q"]).stdout.startswith("hi [2J")
    assert json.loads(CliRunner().invoke(main, ["logs", "hello", "--json"]).stdout) == served


def test_colour_is_for_terminals_that_want_it(
    served: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    served.append(line(1, "hi"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in CliRunner().invoke(main, ["logs", "hello"], color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in CliRunner().invoke(main, ["logs", "hello"], color=True).stdout
