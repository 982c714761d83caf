"""A server whose answers are well-formed and of another shape."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from deployzero.cli import main
from deployzero.client.api import API

COMMANDS = (
    *("apps", "whoami", "status", "ps -a x", "config -a x", "domains -a x", "releases -a x"),
    *("access -a x", "events x", "keys", "scale -a x", "restart -a x", "create x"),
    *("logs -a x", "deploy -y --name x"),
)
ANSWERS: tuple[Any, ...] = (None, 1, "x", [], [1], [[]], [{}], {}, {"processes": 1})
SAID = "the server answered something that this version does not understand"


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    def request(*_: Any, **__: Any) -> httpx.Response:
        return httpx.Response(200, json=answer)

    monkeypatch.setattr(API, "request", request)
    monkeypatch.setenv("DEPLOYZERO_SERVER", "http://127.0.0.1:1")
    monkeypatch.setenv("DEPLOYZERO_API_KEY", "dz_1")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_answer_makes_a_traceback(
    command: str, own_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    monkeypatch.chdir(tmp_path / "folder")
    outputs = ""
    for answer in ANSWERS:
        answering(monkeypatch, answer)
        done = CliRunner().invoke(main, command.split())
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert "Traceback" not in done.output
        outputs += done.output
    assert SAID in outputs


def test_where_it_ended_is_told_to_who_asks(
    own_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, 1)
    monkeypatch.setenv("DEPLOYZERO_DEBUG", "1")
    done = CliRunner().invoke(main, ["apps"])
    assert done.exit_code == 1
    assert SAID in done.output
    assert "Traceback" in done.output


def test_a_mistake_of_the_servers_own_commands_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("ours")

    monkeypatch.setattr("deployzero.cli.doctor.doctor.callback", fail)
    done = CliRunner().invoke(main, ["doctor"])
    assert isinstance(done.exception, ValueError)
    assert not isinstance(done.exception, SystemExit)
