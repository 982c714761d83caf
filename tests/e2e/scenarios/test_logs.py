"""An app's log: of what runs and what is gone, followed over a release, by many at once."""

import contextlib
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import Daemon, commit, repository, wait_until

APP = "logger"
LIMIT = 15.0
SOURCE = """\
import os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lock = threading.Lock()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        what = self.path[1:]
        if what.isdigit():
            with lock:
                print(*(f"burst {n}" for n in range(int(what))), sep="\\n", flush=True)
        elif what == "crash":
            with lock:
                print("crashing", end="", flush=True)
                os._exit(3)
        elif what == "ugly":
            with lock:
                print("\\x1b[31mred\\x1b]0;title\\x07 token-3f9c1b7a2d", flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass

server = ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler)

def tick():
    n = 0
    while True:
        n += 1
        with lock:
            print("tick VERSION", n, flush=True)
        time.sleep(0.02)

def stop(*_):
    print("stopping VERSION", flush=True)
    os._exit(0)

signal.signal(signal.SIGTERM, stop)
print("starting VERSION", flush=True)
threading.Thread(target=tick, daemon=True).start()
server.serve_forever()
"""


def files(version: str) -> dict[str, str]:
    return {
        "app.py": SOURCE.replace("VERSION", version),
        "requirements.txt": "",
        "Procfile": "web: python app.py\n",
    }


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("logs") / "repo", files("one"))


@pytest.fixture(scope="module")
def app(admin, repo: Path) -> str:
    assert admin.ssh("apps:create", APP).code == 0
    assert admin.ssh("config:set", APP, "TOKEN=token-3f9c1b7a2d").code == 0
    answer = admin.push(repo, APP)
    assert answer.code == 0, answer.err
    return APP


@contextlib.contextmanager
def following(admin, *words: str) -> Iterator[list[str]]:
    """The lines that `logs -t` prints, as they come."""
    lines: list[str] = []
    process = subprocess.Popen(
        [*admin.ssh_command(), "logs", APP, "-t", *words], stdout=subprocess.PIPE, text=True
    )

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield lines
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


def has(lines: list[str], text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in list(lines))


def test_lines_have_their_time_and_process_and_no_secret_nor_escape(
    admin, server: Daemon, app: str
) -> None:
    server.get(app, "/ugly")
    wait_until(lambda: "red" in admin.ssh("logs", app).out, LIMIT, "the line")
    (line,) = (line for line in admin.ssh("logs", app).out.splitlines() if "red" in line)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z app\[web\.1\]: red \[redacted\]", line
    )
    assert len(admin.ssh("logs", app, "-n", "3", "-q").out.splitlines()) == 3
    rows = json.loads(admin.ssh("logs", app, "--json", "-p", "web.1", "-n", "5").out)
    assert {row["process"] for row in rows} == {"web.1"}
    assert admin.ssh("logs", app, "-p", "nonesuch").code == 1


def test_a_follower_sees_each_line_once_over_a_release_and_a_crash(
    admin, server: Daemon, app: str, repo: Path
) -> None:
    with following(admin, "-q", "-n", "10") as lines:
        wait_until(has(lines, "tick one"), LIMIT, "the old release's lines")
        assert admin.push(commit(repo, files("two")), app).code == 0
        wait_until(has(lines, "stopping one"), LIMIT, "the old release's last line")
        wait_until(has(lines, "tick two 20"), LIMIT, "the new release's lines")
        with contextlib.suppress(Exception):
            server.get(app, "/crash")
        wait_until(
            lambda: sum("starting two" in line for line in list(lines)) == 2, LIMIT, "it is back"
        )
        wait_until(lambda: sum(line == "tick two 9" for line in lines) == 2, LIMIT, "ticks")
    assert lines.count("crashing") == 1
    one = [int(line.split()[2]) for line in lines if line.startswith("tick one")]
    assert one == list(range(one[0], one[0] + len(one)))
    two = [int(line.split()[2]) for line in lines if line.startswith("tick two")]
    crash = two.index(1, 1)
    assert two[:crash] == list(range(1, crash + 1))
    assert two[crash:] == list(range(1, len(two) - crash + 1))
    kept = admin.ssh("logs", app, "-q", "-n", "10000").out.splitlines()
    assert [line for line in kept if line.startswith("tick one")][-len(one) :] == [
        f"tick one {n}" for n in one
    ]
    assert kept.count("stopping one") == 1


def test_many_follow_what_prints_much_and_nobody_else_feels_it(
    admin, server: Daemon, app: str
) -> None:
    with contextlib.ExitStack() as stack:
        followers = [stack.enter_context(following(admin, "-q", "-n", "0")) for _ in range(10)]
        for lines in followers:
            wait_until(has(lines, "tick"), LIMIT, "every follower has begun")
        server.get(app, "/3000")
        for lines in followers:
            wait_until(has(lines, "burst 2999"), LIMIT, "the burst came whole")
        for lines in followers:
            assert [line for line in lines if line.startswith("burst")] == [
                f"burst {n}" for n in range(3000)
            ]


def test_why_a_deployment_failed_with_what_the_app_printed(admin, app: str, repo: Path) -> None:
    broken = {**files("three"), "Procfile": "web: echo before; echo no database >&2; exit 4\n"}
    assert admin.push(commit(repo, broken), app).code == 1
    answer = admin.ssh("logs:failed", app)
    assert answer.code == 0
    assert "the app exited with code 4" in answer.out
    assert re.search(r"Z app\[web\.1\]: before$", answer.out, re.MULTILINE)
    assert re.search(r"Z app\[web\.1\]: no database$", answer.out, re.MULTILINE)
