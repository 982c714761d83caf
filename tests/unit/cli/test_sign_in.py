"""login, logout, whoami, link and status, against a server's answers."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from deployzero.cli.main import main
from deployzero.client import accounts, api
from deployzero.client.accounts import Account, Link
from deployzero.errors import DeployZeroException

SERVER = "https://my.host"
ME = {
    "id": 1, "username": "ana", "role": "admin", "scope": "admin", "project_name": None,
    "has_password": True,
    "server": {"version": "1", "domain": "my.host", "ssh": "my.host:2222", "url": "",
               "api_url": SERVER},
}  # fmt: skip
PROBLEM = {"detail": "no", "hint": "", "output": []}
DEPLOYMENT = {
    "id": 7, "kind": "push", "state": "live", "release": 3, "commit": "abcdef0123", "user": "ben",
    "message": "Fix\x1b[2J it", "reason": "", "created_at": "2026-11-23T07:00:00Z",
    "finished_at": "2026-11-23T07:00:05Z",
}  # fmt: skip
APP = {
    "project_name": "hello", "url": "http://hello.my.host", "release": 3, "stopped": False,
    "locked_by": None, "domains": ["www.example.com"], "owner": "ana", "live": DEPLOYMENT,
    "git_remote": "ssh://deployzero@my.host:2222/hello",
}  # fmt: skip
PROCESSES = {
    "stopped": False,
    "processes": [
        {"process": "web", "index": 1, "health": "healthy", "status": "running", "restarts": 0}
    ],
}

Answers = dict[str, Any]


@pytest.fixture
def answers(own_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What the server says, by method and path: JSON, a status, or an exception; and `asked`."""
    told: Answers = {"GET /auth/me": ME, "asked": []}

    def answer(request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path}"
        told["asked"].append((what, request.headers.get("X-API-Key")))
        found = told.get(what, 404)
        if isinstance(found, list) and found and what.endswith("/poll"):
            found = found.pop(0)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, int):
            return httpx.Response(found, json=PROBLEM if found >= 400 else None)
        return httpx.Response(200, json=found)

    made = api.API.__init__
    monkeypatch.setattr(
        api.API, "__init__",
        lambda self, account, _=None: made(self, account, httpx.MockTransport(answer)),
    )  # fmt: skip
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return told


@pytest.fixture
def signed_in(answers: Answers) -> Answers:
    with accounts.changing() as config:
        config.add(Account(SERVER, "dz_old", "ana", "my.host:2222"))
    return answers


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == code, done.output
    return done


def approved(answers: Answers, *states: str) -> None:
    answers["POST /auth/cli-logins"] = {
        "device_code": "d", "user_code": "ABCD-EFGH", "expires_in": 600, "interval": 0,
        "verification_url_complete": f"{SERVER}/auth/cli-login?code=ABCD-EFGH",
    }  # fmt: skip
    answers["POST /auth/cli-logins/poll"] = [
        {"status": each, "credentials": {"api_key": "dz_new"} if each == "approved" else None}
        for each in states
    ]


def test_a_login_shows_the_code_and_keeps_the_key(answers: Answers) -> None:
    approved(answers, "pending", "approved")
    done = run("login", "--server", "my.host", "--no-browser")
    assert "ABCD-EFGH" in done.stdout
    assert f"{SERVER}/auth/cli-login?code=ABCD-EFGH" in done.stdout
    assert f"Signed in to {SERVER} as ana (admin)" in done.stdout
    assert accounts.load().accounts == {SERVER: Account(SERVER, "dz_new", "ana", "my.host:2222")}
    assert "dz_new" not in done.output


def test_the_browser_is_opened_where_there_is_one(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)
    for name in ("SSH_CONNECTION", "SSH_TTY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    for words in ((), ("--no-browser",)):
        approved(answers, "approved")
        run("login", "--server", SERVER, *words)
    monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
    approved(answers, "approved")
    run("login", "--server", SERVER)
    assert opened == [f"{SERVER}/auth/cli-login?code=ABCD-EFGH"]


def test_a_refused_login_keeps_nothing(answers: Answers) -> None:
    approved(answers, "refused")
    assert "refused" in run("login", "--server", SERVER, "--no-browser", code=1).stderr
    assert accounts.load().accounts == {}


def test_an_interrupted_login_keeps_nothing(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(_: float) -> None:
        raise KeyboardInterrupt

    approved(answers, "pending")
    monkeypatch.setattr("time.sleep", pressed)
    run("login", "--server", SERVER, "--no-browser", code=130)
    assert not accounts.config_file().exists()


def test_the_key_that_was_there_before_is_ended(signed_in: Answers) -> None:
    approved(signed_in, "approved")
    signed_in["POST /auth/logout"] = 204
    run("login", "--no-browser")
    assert ("POST /auth/logout", "dz_old") in signed_in["asked"]
    assert accounts.load().accounts[SERVER].api_key == "dz_new"


def test_over_ssh_no_page_is_needed(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def over_ssh(target: object, computer: str) -> dict[str, Any]:
        asked.append((str(target), computer))
        return {"api_key": "dz_ssh", "key": {"id": 4}, "server": ME["server"]}

    monkeypatch.setattr("deployzero.client.login.over_ssh", over_ssh)
    run("login", "--ssh", "my.host", "--name", "desk")
    assert accounts.load().accounts[SERVER].api_key == "dz_ssh"
    for words in (["init", "-q"], ["remote", "add", "deployzero", "ssh://x@my.host:2222/hello"]):
        subprocess.run(["git", *words], check=True)
    run("login", "--ssh", "--name", "desk")
    assert [computer for _, computer in asked] == ["desk", "desk"]
    assert "port=2222" in asked[1][0]


@pytest.fixture
def over_ssh(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the server was told over SSH, which gives a key."""
    told = {"api_key": "dz_ssh", "key": {"id": 4}, "server": ME["server"]}
    asked: list[str] = []

    def run(_: object, *words: str) -> "subprocess.CompletedProcess[bytes]":
        asked.append(" ".join(words[:2]))
        return subprocess.CompletedProcess([], 0, json.dumps(told).encode())

    monkeypatch.setattr("deployzero.client.login._ssh", run)
    return asked


def test_no_key_is_made_where_the_api_does_not_answer(
    answers: Answers, over_ssh: list[str]
) -> None:
    answers["GET /auth/me"] = httpx.ConnectError("away")
    done = run("login", "--ssh", "my.host", "--server", SERVER, code=1)
    assert "does not answer" in done.stderr
    assert over_ssh == []


@pytest.mark.parametrize("words", [(), ("--server", SERVER)])
def test_a_key_that_nobody_holds_is_taken_back(
    answers: Answers, over_ssh: list[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def full(_: object) -> None:
        raise DeployZeroException("no room")

    monkeypatch.setattr("deployzero.client.accounts._save", full)
    assert "no room" in run("login", "--ssh", "my.host", *words, code=1).stderr
    assert over_ssh == ["apikeys:create --name", "apikeys:remove 4"]
    approved(answers, "approved")
    run("login", "--server", SERVER, "--no-browser", code=1)
    assert ("POST /auth/logout", "dz_new") in answers["asked"]


def test_a_key_that_cannot_be_taken_back_is_told_of(
    answers: Answers, over_ssh: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers["GET /auth/me"] = httpx.ConnectError("away")
    monkeypatch.setattr("deployzero.client.login.taken_back", lambda *_: False)
    done = run("login", "--ssh", "my.host", "--name", "desk", code=1)
    assert "The new key desk is alive: apikeys:list and apikeys:remove" in done.stderr


def test_without_a_server_that_is_known_one_is_asked_for(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployzero.cli.login._answers", lambda _: False)
    assert "which server?" in run("login", "--no-browser", code=1).stderr
    monkeypatch.setattr("deployzero.cli.login._answers", lambda _: True)
    approved(answers, "approved")
    done = run("login", "--no-browser")
    assert "Signed in to http://127.0.0.1:8081" in done.stdout


@pytest.mark.parametrize(
    ("answer", "told"),
    [(204, ""), (401, "not valid any more"), (httpx.ConnectError("away"), "does not answer")],
)
def test_logout_forgets_the_key_whatever_the_server_says(
    signed_in: Answers, answer: object, told: str
) -> None:
    signed_in["POST /auth/logout"] = answer
    with accounts.changing() as config:
        config.links["/app"] = Link(SERVER, "hello")
    done = run("logout")
    assert f"Signed out of {SERVER}" in done.stdout
    assert told in done.stderr
    assert accounts.load().accounts == {}
    assert accounts.load().links == {"/app": Link(SERVER, "hello")}
    assert "you have not signed in" in run("logout", code=1).stderr


def test_whoami_tells_who_where_and_what_the_key_may(signed_in: Answers) -> None:
    shown = run("whoami").stdout
    for each in ("ana", "admin", SERVER):
        assert each in shown
    assert json.loads(run("whoami", "--json").stdout)["server"]["address"] == SERVER
    signed_in["GET /auth/me"] = {**ME, "scope": "deploy", "project_name": "hello"}
    assert "deploy, of hello alone" in run("whoami").stdout


def test_one_of_several_servers_is_the_default(signed_in: Answers) -> None:
    assert "more" not in run("whoami").stdout
    with accounts.changing() as config:
        config.add(Account("https://b.host", "dz_b", "ben"))
    listed = [line.split() for line in run("servers").stdout.splitlines()[1:]]
    assert listed == [[SERVER, "ana", "no"], ["https://b.host", "ben", "yes"]]
    assert "dz_" not in run("servers", "--json").stdout
    assert f"{SERVER} is the default now" in run("servers", "my.host").stdout
    assert f"{SERVER} (and 1 more: deployzero servers)" in run("whoami").stdout
    assert "have not signed in to https://c" in run("servers", "c", code=1).stderr


def test_a_folder_is_linked_shown_and_unlinked(signed_in: Answers) -> None:
    assert "deployzero link APP" in run("link", code=1).stderr
    run("link", "hello", code=1)  # there is none
    signed_in["GET /projects/hello"] = APP
    run("link", "hello")
    assert accounts.load().links == {str(Path.cwd()): Link(SERVER, "hello")}
    assert "hello on https://my.host" in run("link").stdout
    assert json.loads(run("link", "--json").stdout) == {
        "app": "hello", "server": SERVER, "folder": str(Path.cwd()), "by": "link",
    }  # fmt: skip
    run("link", "--remove")
    assert accounts.load().links == {}


@pytest.fixture
def shown(signed_in: Answers) -> Callable[..., str]:
    def show(app: dict[str, Any], last: dict[str, Any] | None) -> str:
        signed_in["GET /projects/hello"] = {**APP, **app}
        signed_in["GET /projects/hello/processes"] = PROCESSES
        signed_in["GET /projects/hello/formation"] = {"web": 1, "worker": 0}
        signed_in["GET /projects/hello/deployments"] = [{**DEPLOYMENT, **last}] if last else []
        return re.sub(r" +", " ", run("status", "hello").stdout)

    return show


def test_status_tells_what_is_live_and_how_it_is(shown: Callable[..., str]) -> None:
    text = shown({}, DEPLOYMENT)
    assert "v3 since 2026-11-23 07:00:05 UTC, by ben: Fix[2J it (abcdef0)" in text
    for each in ("http://hello.my.host", "www.example.com", "web.1 healthy running 0"):
        assert each in text
    assert "worker: 0 of it run, `deployzero scale worker=1` starts one" in text
    assert " !     " not in text
    assert "nothing yet: deployzero deploy" in shown({"live": None, "release": None}, None)
    assert "stopped (deployzero start)" in shown({"stopped": True}, DEPLOYMENT)
    assert "by ben: no new release" in shown({"locked_by": "ben"}, DEPLOYMENT)


def test_status_tells_of_a_deployment_that_failed_or_is_under_way(
    shown: Callable[..., str],
) -> None:
    failed = shown({}, {"id": 8, "state": "error", "reason": "it did not start"})
    assert "The last push failed: it did not start" in failed
    assert "deployzero logs --deployment 8" in failed
    under_way = shown({}, {"id": 9, "state": "building", "kind": "archive"})
    assert "An archive by ben is under way" in under_way
    assert "deployzero logs --deployment 9 -t" in under_way


def test_status_without_an_app_tells_who_and_lists_apps(signed_in: Answers) -> None:
    signed_in["GET /projects"] = [{**APP, "processes": []}]
    text = run("status").stdout
    assert SERVER in text
    assert "ana (admin)" in text
    assert "hello" in text
    assert json.loads(run("status", "--json").stdout)["apps"][0]["project_name"] == "hello"
