"""Commands in fresh containers and in running ones, with real ssh, on a terminal and without."""

import contextlib
import errno
import fcntl
import hashlib
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from daemon import Daemon, repository, wait_until

APP = "runner"
LIMIT = 20.0
FILES = {
    "app.py": "print('started', flush=True)\nimport http.server, os\n"
    "http.server.ThreadingHTTPServer(('0.0.0.0', int(os.environ['PORT'])),"
    " http.server.SimpleHTTPRequestHandler).serve_forever()\n",
    "requirements.txt": "",
    "Procfile": "web: python app.py\nhello: echo from the Procfile: $HOME && exit 3\n",
}


@pytest.fixture(scope="module")
def app(admin, tmp_path_factory: pytest.TempPathFactory) -> str:
    answer = admin.push(repository(tmp_path_factory.mktemp("run") / "repo", FILES), APP)
    assert answer.code == 0, answer.err
    return APP


@dataclass
class Terminal:
    """ssh on a terminal of its own, as somebody sits at it."""

    process: subprocess.Popen[bytes]
    master: int
    seen: bytes = field(default=b"")

    def expect(self, pattern: bytes) -> bytes:
        """Wait until it shows; what stood before it is done with."""
        deadline = time.monotonic() + LIMIT
        while (found := re.search(pattern, self.seen)) is None:
            assert self._read(deadline), (pattern, self.seen)
        self.seen = self.seen[found.end() :]
        return found.group()

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def ends(self) -> int:
        deadline = time.monotonic() + LIMIT
        while self._read(deadline):
            pass
        return self.process.wait(LIMIT)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
        assert ready, self.seen
        try:
            data = os.read(self.master, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # how Linux tells that the other side is closed
                raise
            data = b""
        self.seen += data
        return bool(data)


@contextlib.contextmanager
def terminal(person, *words: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
    process = subprocess.Popen(
        [*person.ssh_command("-tt"), *words],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env={**os.environ, "TERM": "vt220"},
    )  # fmt: skip
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def only_web_runs(server: Daemon) -> bool:
    return [c["Labels"]["deployzero.process"] for c in server.containers(APP)] == ["web"]


def test_a_command_runs_in_a_container_of_its_own_and_its_code_is_ours(
    admin, server: Daemon, app: str
) -> None:
    answer = admin.ssh("run", app, "'echo out $PORT; echo no >&2; exit 7'")
    assert (answer.code, answer.out, answer.err) == (7, "out 8000\n", "no\n")
    words = ["a b", "$HOME", "--flag", "-t", "--", "--help", "*", ""]
    answer = admin.ssh("run", app, "printf", "'%s|'", *map(shlex.quote, words))
    assert (answer.code, answer.out) == (0, "".join(f"{word}|" for word in words))
    answer = admin.ssh("run", app, "--", "hello")
    assert (answer.code, answer.out) == (3, "from the Procfile: /app\n")
    assert only_web_runs(server)


def test_input_is_piped_through_unharmed(admin, app: str) -> None:
    data = os.urandom(1 << 20) * 16 + b"\r\n\x00\x04\x03"
    done = subprocess.run(
        [*admin.ssh_command(), "run", app, "cat"], input=data, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()


def test_on_a_terminal_keys_and_window_are_the_programs(admin, server: Daemon, app: str) -> None:
    with terminal(admin, "run", app, "bash") as shell:
        shell.expect(rb"\$ ")
        shell.type(b"stty size; echo $TERM; tty\r")
        shell.expect(rb"30 90\r\nvt220\r\n/dev/pts/\d")
        shell.resize(132, 43)
        shell.type(b"until [ \"$(stty size)\" = '43 132' ]; do sleep 0.05; done; echo wid''er\r")
        shell.expect(rb"wider")
        shell.type(b"sh -c 'echo sle\"\"eping; exec sleep 600'; echo not''this\r")
        shell.expect(rb"sleeping\r\n")
        shell.type(b"\x03")
        assert b"not" + b"this" not in shell.expect(rb"(?s).*?\$ ")
        shell.type(b"stty raw -echo; echo rea''dy; head -c 5 | od -An -tx1; stty sane\r")
        shell.expect(rb"ready")
        shell.type(b"\x03\x04\x1b\r\x00")
        shell.expect(rb"03 04 1b 0d 00")
        # At each prompt: between two, the terminal itself would take Ctrl-D for an end of input.
        shell.expect(rb"\$ ")
        shell.type(b"(exit 7)\r")
        shell.expect(rb"\$ ")
        shell.type(b"\x04")
        assert shell.ends() == 7
    assert only_web_runs(server)


@pytest.mark.parametrize("on_a_terminal", [True, False])
def test_who_leaves_ends_the_run(admin, server: Daemon, app: str, on_a_terminal: bool) -> None:
    if on_a_terminal:
        with terminal(admin, "run", app, "sh -c 'echo up; sleep 600'") as sitting:
            sitting.expect(b"up")
    else:
        leaving = subprocess.Popen(
            [*admin.ssh_command(), "run", app, "'echo up; sleep 600'"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        with leaving:
            assert leaving.stdout is not None
            assert leaving.stdout.readline() == b"up\n"
            leaving.kill()
    wait_until(lambda: only_web_runs(server), 5, "the run's container is gone")


def test_one_can_enter_what_runs(admin, server: Daemon, app: str) -> None:
    answer = admin.ssh("enter", app, "web.1", "'cat /proc/[0-9]*/cmdline; exit 7'")
    assert answer.code == 7, answer.err
    assert "app.py" in answer.out
    assert admin.ssh("enter", app, stdin=b"echo $PORT\nexit 4\n").out == "8000\n"
    assert admin.ssh("enter", app, "web.7", "true").code == 1
    with terminal(admin, "enter", app) as shell:
        shell.expect(rb"\$ ")
        shell.type(b"trap '' HUP; echo in''side; exec sleep 600\r")
        shell.expect(rb"inside")

    def alone() -> bool:
        return "sleep" not in admin.ssh("enter", app, "cat /proc/[0-9]*/comm").out

    wait_until(alone, 5, "what was run in it has ended")
    assert server.get(app).status_code == 200


def test_a_killed_server_ends_runs_that_somebody_sits_at_and_no_other(
    admin, server: Daemon, app: str
) -> None:
    name = admin.ssh("run:detached", app, "'echo begun; sleep 600'").out.strip()
    assert re.fullmatch(r"run\.\d{4}", name)
    wait_until(lambda: "begun" in admin.ssh("logs", app, "-p", name).out, LIMIT, "its line")
    with terminal(admin, "run", app, "sh -c 'echo up; sleep 600'") as sitting:
        sitting.expect(b"up")
        ended = admin.ssh("run:detached", app, "echo", "by", "itself").out.strip()
        server.kill()
        server.start()
    (row,) = (line for line in admin.ssh("run:list", app).out.splitlines() if name in line)
    assert "echo begun; sleep 600" in row
    kinds = {c["Labels"].get("deployzero.run") for c in server.containers(app)}
    assert "foreground" not in kinds
    assert admin.ssh("run:stop", app, name).code == 0
    wait_until(lambda: only_web_runs(server), LIMIT, "what has ended is removed")
    assert admin.ssh("logs", app, "-q", "-p", name).out == "begun\n"
    assert admin.ssh("logs", app, "-q", "-p", ended).out == "by itself\n"
