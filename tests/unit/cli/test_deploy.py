"""Which app a folder becomes, what is refused before anything is sent, and how it is watched."""

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from deployzero.cli import watch
from deployzero.cli.deploy import deploy
from deployzero.cli.main import main
from deployzero.client import accounts, api
from deployzero.client.accounts import Account, Link
from deployzero.client.following import Ended, Line
from deployzero.errors import ConflictError, UsageError

SERVER = "https://my.host"
DEPLOYMENT = {
    "id": 7, "project_name": "hello", "state": "created", "kind": "archive", "url": "http://hello",
}  # fmt: skip


class Server:
    """Answers as the API does, and notes what it was asked."""

    def __init__(self) -> None:
        self.apps = {"there"}
        self.asked: list[str] = []
        self.body = b""
        self.live = True
        self.log = ["-----> Building", "=====> Live: http://hello   v1   0.9s in all"]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        parts = request.url.path.strip("/").split("/")
        if request.method == "POST" and parts == ["projects"]:
            self.apps.add(json.loads(request.read())["project_name"])
            return httpx.Response(201, json={})
        if parts[0] == "projects" and parts[1] not in self.apps:
            return httpx.Response(404, json={"detail": "no app", "hint": "", "output": []})
        if request.method == "POST" and parts[2:] == ["deployments"]:
            self.body = request.read()
            return httpx.Response(202, json={**DEPLOYMENT, "project_name": parts[1]})
        if parts[-1] == "logs":
            told: list[dict[str, Any]] = [
                {"type": "log", "seq": n, "data": line} for n, line in enumerate(self.log, 1)
            ]
            state = "live" if self.live else "error"
            told.append(
                {"type": "status", "state": state, "live": self.live, "url": "http://hello",
                 "reason": "" if self.live else "it did not start"}
            )  # fmt: skip
            return httpx.Response(200, text="".join(json.dumps(each) + "\n" for each in told))
        return httpx.Response(200, json={"project_name": parts[1]} | DEPLOYMENT)


@pytest.fixture
def server(own_config: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    with accounts.changing() as config:
        config.add(Account(SERVER, "dz_1", "ana", "my.host:2222"))
    monkeypatch.setattr(
        "deployzero.cli.deploy.API", lambda found: api.API(found, httpx.MockTransport(made))
    )
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "My_App 2"
    made.mkdir()
    (made / "app.py").write_text("pass")
    return made


def run(*words: str | Path, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["deploy", *map(str, words)])
    assert done.exit_code == code, done.output
    return done


def test_a_folder_becomes_an_app_of_its_name_and_is_linked(server: Server, folder: Path) -> None:
    done = run(folder)
    assert done.stdout == "-----> Building\n=====> Live: http://hello   v1   0.9s in all\n"
    assert "Made the app my-app-2" in done.stderr
    assert accounts.load().links == {str(folder): Link(SERVER, "my-app-2")}
    assert b"Deployed from My_App 2\r\n" in server.body  # who did it stands beside it
    assert "POST /projects/my-app-2/deployments" in server.asked
    server.asked.clear()
    assert "Made" not in run(folder).stderr
    assert "POST /projects" not in server.asked


def test_a_name_goes_before_and_no_link_is_kept_if_so_told(server: Server, folder: Path) -> None:
    run("--name", "other", "--no-link", "-m", "A word", folder)
    assert "POST /projects/other/deployments" in server.asked
    assert b"A word" in server.body
    assert accounts.load().links == {}


def test_a_deployment_that_fails_exits_1_with_the_reason(server: Server, folder: Path) -> None:
    server.live, server.log = False, ["-----> Building"]
    done = run(folder, code=1)
    assert done.stdout == "-----> Building\n"
    assert " !     it did not start\n" in done.stderr


def test_data_goes_to_standard_output_alone(server: Server, folder: Path) -> None:
    done = run("--json", folder)
    assert json.loads(done.stdout)["id"] == 7
    assert "-----> Building" in done.stderr


def test_detached_says_how_to_follow(server: Server, folder: Path) -> None:
    done = run("--detach", folder)
    assert "deployzero logs --deployment 7 -t" in done.stdout
    assert not [each for each in server.asked if each.endswith("logs")]


def test_a_part_of_an_app_is_not_taken_for_it(server: Server, folder: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    url = "ssh://deployzero@my.host:2222/whole"
    subprocess.run(["git", "remote", "add", "deployzero", url], cwd=folder, check=True)
    (folder / "sub").mkdir()
    (folder / "sub/app.py").write_text("")
    done = run(folder / "sub", code=1)
    assert "sub is a part of" in done.stderr
    assert "--name NAME" in done.stderr
    assert server.asked == []
    run("--name", "part", "--no-link", folder / "sub")
    run(folder)
    assert server.asked.count("POST /projects/whole/deployments") == 1


def test_the_last_commit_names_the_release(server: Server, folder: Path) -> None:
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "Fix the door\n\nmore"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
        subprocess.run(["git", *identity, *words], cwd=folder, check=True)
    run(folder)
    assert b"Fix the door" in server.body


@pytest.mark.parametrize("where", ["/", "~"])
def test_a_whole_disk_or_home_is_refused(server: Server, where: str) -> None:
    assert "is not just an app" in run(Path(where).expanduser(), code=1).stderr


def test_nothing_to_deploy_is_said_before_anything_is_made(server: Server, folder: Path) -> None:
    (folder / ".gitignore").write_text("*\n")
    done = run(folder, code=1)
    assert "there is nothing to deploy" in done.stderr
    assert server.asked == []


def test_a_large_folder_names_its_largest_entries(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "a.bin").write_bytes(bytes(3000))
    monkeypatch.setattr("deployzero.cli.deploy.MOST_BYTES", 2000)
    done = run(folder, code=1)
    assert "2.9 kB        1 files  data/" in done.stderr
    assert ".deployzeroignore" in done.stderr
    run("--yes", folder)


def test_what_was_left_out_is_counted(server: Server, folder: Path) -> None:
    (folder / "node_modules").mkdir()
    (folder / ".env").write_text("")
    done = run("-v", folder)
    assert "Left out: 1 (node_modules)" in done.stderr
    assert ".env stays here: set variables by `deployzero config set`" in done.stderr
    assert "       .env\n       node_modules/\n" in done.stderr


def test_of_much_that_was_left_out_some_is_named(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployzero.cli.deploy.MOST_NAMED", 2)
    (folder / ".gitignore").write_text("*.log\n")
    for number in range(5):
        (folder / f"{number}.log").touch()
    assert "       0.log\n       1.log\n       … and 3 more\n" in run("-v", folder).stderr


def test_a_file_that_is_named_as_a_secret_goes_along_with_a_word(
    server: Server, folder: Path
) -> None:
    assert "goes along" not in run(folder).stderr
    (folder / "certs").mkdir()
    (folder / "certs/tls.key").touch()
    (folder / "id_ed25519").touch()
    told = "certs/tls.key, id_ed25519 goes along: add it to .deployzeroignore if it is a secret"
    assert told in run(folder).stderr


def test_too_many_files_are_refused_whatever_is_said(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployzero.cli.deploy.MOST_FILES", 1)
    (folder / "b").touch()
    assert "a server takes 1 files" in run("--yes", folder, code=1).stderr
    assert server.asked == []


def test_an_app_without_a_name_is_refused(server: Server, folder: Path) -> None:
    assert "it is empty" in run("--name", "", folder, code=1).stderr
    assert server.asked == []


def test_it_tells_that_all_is_sent_and_what_ctrl_c_leaves(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "to my-app-2 on https://my.host\n-----> Uploaded, being unpacked\n" in (
        run(folder).stderr
    )

    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("deployzero.cli.deploy.upload", pressed)
    assert "Interrupted. What is live stays" in run(folder, code=130).stderr


# Ctrl-C while it is watched ------------------------------------------------------------


class Interrupted:
    """A log during which Ctrl-C is pressed once, then how it ended."""

    def __init__(self, *ends: object) -> None:
        self._ends = list(ends)
        self.since: list[int] = []

    def __call__(self, _: object, __: int, since: int, ___: object) -> Iterator[object]:
        self.since.append(since)
        for each in self._ends.pop(0):  # type: ignore[attr-defined]
            if isinstance(each, BaseException):
                raise each
            yield each


Watched = tuple[Interrupted, list[str], object]


@pytest.fixture
def watched(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[Interrupted, list[str], object]]:
    def play(answer: object, *ends: object) -> tuple[Interrupted, list[str], object]:
        log, posted = Interrupted(*ends), []

        class Asked:
            def post(self, path: str) -> None:
                posted.append(path)
                if isinstance(answer, BaseException):
                    raise answer

        monkeypatch.setattr(watch, "follow", log)
        try:
            watch.watch(Asked(), {"id": 7})  # type: ignore[arg-type]
        except SystemExit as ended:
            return log, posted, ended.code
        return log, posted, 0

    return play


CTRL_C = (Line(1, "one"), KeyboardInterrupt())
LIVE, CANCELLED = Ended("live", True, 1, "u", ""), Ended("cancelled", False, None, "u", "stopped")


def test_without_a_terminal_ctrl_c_leaves_it_running(
    watched: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    _, posted, code = watched(None, CTRL_C)
    assert (posted, code) == ([], 130)
    assert "deployzero logs --deployment 7 -t" in capsys.readouterr().err


def test_on_a_terminal_it_is_asked_and_no_cancels(
    watched: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_leaves_it", lambda: False)
    log, posted, code = watched(None, CTRL_C, (Line(2, "two"), CANCELLED))
    assert (posted, code) == (["/deployments/7/cancel"], 1)
    assert log.since == [0, 1]
    log, posted, code = watched(ConflictError("it went live"), CTRL_C, (LIVE,))
    assert code == 0
    log, posted, code = watched(None, CTRL_C, CTRL_C)
    assert (len(posted), code) == (1, 130)


WATCH = """
import sys, time
from deployzero.cli import watch
from deployzero.client.following import Ended, Line

posted = []

def follow(api, number, since, away):
    if posted:
        yield Ended("cancelled", False, None, "u", "stopped")
    yield Line(1, "watching")
    while True:  # a signal right before a long sleep would not end it
        time.sleep(0.01)

class API:
    def post(self, path):
        posted.append(path)
        print("posted", path)

watch.follow = follow
watch.watch(API(), {"id": 7})
"""


@pytest.mark.parametrize(
    ("answer", "told", "code"),
    [(b"\x03", "posted /deployments/7/cancel", 1), (b"n\n", "posted /deployments/7/cancel", 1),
     (b"\n", "It goes on", 130)],
)  # fmt: skip
def test_a_terminal_is_asked(answer: bytes, told: str, code: int) -> None:
    def of_its_own() -> None:  # so that Ctrl-C comes as it does from a keyboard
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    keyboard, terminal = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", WATCH],
        stdin=terminal, stdout=terminal, stderr=terminal,
        start_new_session=True, preexec_fn=of_its_own,
    )  # fmt: skip
    os.close(terminal)
    shown = press(keyboard, b"", "watching")
    shown += press(keyboard, b"\x03", "[Y/n]")
    shown += press(keyboard, answer, told)
    assert process.wait(30) == code, shown
    os.close(keyboard)


def press(keyboard: int, keys: bytes, until: str) -> str:
    """What is shown until that text. A key that comes right before it is waited for wakes
    nobody: it is pressed again then."""
    shown = ""
    for _ in range(6):
        os.write(keyboard, keys)
        while select.select([keyboard], [], [], 5)[0]:
            shown += os.read(keyboard, 1024).decode()
            if until in shown:
                return shown
    raise AssertionError(shown)


def test_ctrl_c_while_it_connects_exits_130(own_config: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "deployzero", "whoami"],
            env={**os.environ, "DEPLOYZERO_SERVER": f"127.0.0.1:{silent.getsockname()[1]}",
                 "DEPLOYZERO_API_KEY": "k"},
            stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        silent.settimeout(30)
        asking, _ = silent.accept()
        asking.recv(1)
        while process.poll() is None:  # it may come right before it waits, and be seen later
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(3)
        err = process.communicate(timeout=30)[1]
        asking.close()
    assert (process.returncode, err) == (130, "\n")


def test_names_that_make_no_app_ask_for_one(server: Server, tmp_path: Path) -> None:
    for name in ("___", "api"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text("")
        assert "deploy --name NAME" in run(tmp_path / name, code=1).stderr
    with pytest.raises(UsageError, match="is no folder"):
        deploy.main([str(tmp_path / "none")], standalone_mode=False)
