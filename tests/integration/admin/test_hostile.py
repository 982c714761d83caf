"""What a client may send to do harm, or by accident: a clear error each time, and no harm."""

import asyncio
import io
import logging
import time
import types
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncssh
import click
import paramiko
import pytest

from deployzero.models.access import Role
from deployzero.ssh import session
from deployzero.ssh.commands.render import fields, listing
from deployzero.ssh.commands.tree import COMMANDS, Caller, command
from deployzero.store import projects

Admin = Any
LIMIT = 20.0
KEPT = 16 << 20
"""Bytes: the windows and buffers of both sides, the kernel's included, hold far less."""
LINE = 1000


@pytest.fixture
async def marker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that prints its word in turn with whatever else runs."""
    before = dict(COMMANDS)
    ended.clear()
    flooded.clear()

    @command("marker", click.Argument(["word"]), section="Test", needs=Role.MEMBER)
    async def marker(caller: Caller, word: str) -> int:
        try:
            for _ in range(50):
                caller.print(word)
                caller.streams.stderr.write(f"{word}\n")
                await caller.streams.stdout.drain()
                await asyncio.sleep(0)
        finally:
            ended.append(word)
        return int(word)

    @command("flood", section="Test", needs=Role.MEMBER)
    async def flood(caller: Caller) -> None:
        try:
            while True:
                caller.print("x" * LINE)
                flooded.append(LINE)
                await caller.streams.stdout.drain()
        finally:
            ended.append("flood")

    @command("much", section="Test", needs=Role.MEMBER)
    async def much(caller: Caller) -> None:
        caller.print("x" * 1_000_000)

    @command("wait", section="Test", needs=Role.MEMBER)
    async def wait(caller: Caller) -> None:
        try:
            caller.print("waiting")
            await asyncio.sleep(LIMIT * 2)
        finally:
            ended.append("wait")

    added = {name: COMMANDS.pop(name) for name in set(COMMANDS) - set(before)}
    for name, found in added.items():
        monkeypatch.setitem(COMMANDS, name, found)


ended: list[str] = []
flooded: list[int] = []


@pytest.fixture
async def door(admin: Admin, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Admin]:
    """At the end nothing of it is in the log as a failure, and the door still answers."""
    caplog.set_level(logging.WARNING)
    yield admin
    assert (await admin.run("root", "whoami")).code == 0
    assert "Traceback" not in caplog.text
    assert "session failed" not in caplog.text


async def until(condition: Any) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def at_rest(door: Admin, count: Callable[[], int]) -> int:
    """The count once it has not changed while a whole connection was served."""
    before = -1
    async with asyncio.timeout(LIMIT):
        while before != (now := count()) or now == 0:
            before = now
            assert (await door.run("root", "whoami")).code == 0
    return now


HOSTILE = [
    "apps:create --upload-pack=/bin/sh",
    "apps:create -- --upload-pack=/bin/sh",
    "apps:create -oProxyCommand=id",
    "apps:create ''",
    "apps:create '../../etc'",
    "apps:create 'a\nb'",
    "apps:create 'a\0b'",
    "apps:create '`id`$(id);id|id>x&'",
    "apps:info '\x1b]0;title\x07'",
    "apps:list extra words here",
    "apps:list " + " ".join(["word"] * 1000),
    "'' apps:list",
    "apps:create 'unbalanced",
    'apps:create "unbalanced',
    "apps:create trailing\\",
    "users:add -- -rf",
    "events -n -1",
    "events -n 99999999999999999999999",
    "keys:remove ''",
    "access:add hello root --role ''",
    "git-upload-pack --upload-pack=/bin/sh",
    "git-upload-pack '--help'",
    "git-receive-pack '-oProxyCommand=id' hello",
    "git upload-pack",
    "help --upload-pack",
    "help help help",
    "__import__('os')",
    "\u202eapps:list",
    "-",
    "ps:scale hello " + " ".join(f"p{n}=1" for n in range(1000)),
]


async def test_hostile_words_end_in_a_clear_error(door: Admin) -> None:
    async with await door.connect("root") as connection:
        for line in HOSTILE:
            done = await connection.run(
                line, stdin=asyncssh.DEVNULL, timeout=LIMIT, encoding="utf-8", errors="replace"
            )
            said = str(done.stderr) + str(done.stdout)
            assert done.exit_status in (1, 127, 128), line[:80]
            assert " !     " in said or "ERR " in said, line[:80]
            assert "uid=" not in said
            assert "\x1b" not in said
            assert len(said) < 2000, line[:80]
    async with door.platform.database.read() as session:
        assert await projects.every(session) == []


async def test_large_commands_are_read_quickly_or_refused(door: Admin) -> None:
    """The loop serves everybody: no line may hold it for long."""
    async with await door.connect("root") as connection:
        for line in ("apps:create " + "x" * 200_000, "apps:create " + "'" * 200_000):
            done = await connection.run(line, stdin=asyncssh.DEVNULL, timeout=LIMIT)
            assert done.exit_status == 1
            assert len(str(done.stderr)) < 1000
    connection = await door.connect("root")
    with pytest.raises((asyncssh.Error, ConnectionError)):
        await connection.run("apps:create " + "x" * 1_000_000, timeout=LIMIT, check=True)
    connection.abort()


async def test_bytes_that_are_no_text(door: Admin) -> None:
    """From another client, which sends them as they are."""

    def ask(words: bytes) -> str:
        with paramiko.Transport(("127.0.0.1", door.port)) as transport:
            key = paramiko.Ed25519Key.from_private_key(_file(door.keys["root"]))
            transport.connect(username="x", pkey=key)
            channel = transport.open_session(timeout=LIMIT)
            channel.settimeout(LIMIT)
            try:
                channel.exec_command(words)
            except paramiko.SSHException:
                return "refused"
            said = channel.makefile_stderr().read()
            assert channel.recv_exit_status() != 0
            return said.decode()

    assert "refused" in await asyncio.to_thread(ask, b"apps:create \xff\xfe")
    assert "control characters" in await asyncio.to_thread(ask, b"apps:create 'a\0b'")
    assert "unknown command" in await asyncio.to_thread(ask, b"\0")


def _file(key: asyncssh.SSHKey) -> Any:
    return io.StringIO(key.export_private_key().decode())


async def test_input_that_nobody_reads_is_not_kept(door: Admin, marker: None) -> None:
    async with await door.connect("root") as connection:
        process = await connection.create_process("wait", encoding=None)
        await process.stdout.readline()
        sent = 2 * KEPT
        process.stdin.write(b"x" * sent)
        taken = await at_rest(door, lambda: sent - process.channel.get_write_buffer_size())
        process.stdin.channel.abort()
        assert 0 < taken < KEPT
    done = await door.run("root", "apps:list", b"x" * (8 << 20))
    assert done.code == 0


async def test_who_never_reads_stops_the_command_not_the_server(door: Admin, marker: None) -> None:
    connection = await door.connect("root")
    process = await connection.create_process("flood", window=64 << 10, encoding=None)
    process.stdout.channel.pause_reading()
    printed = await at_rest(door, lambda: len(flooded))
    assert 0 < printed * LINE < KEPT
    assert ended == []
    connection.abort()
    await until(lambda: ended == ["flood"])


async def test_who_hangs_up_ends_the_command(door: Admin, marker: None) -> None:
    connection = await door.connect("root")
    process = await connection.create_process("wait")
    await process.stdout.readline()
    assert (await door.run("root", "whoami")).code == 0  # by then it is watched
    connection.abort()
    await until(lambda: ended == ["wait"])


async def test_what_sessions_print_at_once_stays_apart(
    door: Admin, marker: None, capsys: pytest.CaptureFixture[str]
) -> None:
    await door.person("bob")
    connections = [await door.connect(name) for name in ("root", "bob")]

    async def one(number: int) -> None:
        process = await connections[number % 2].create_process(f"marker {number}")
        out, err = await process.communicate()
        assert out == err == f"{number}\n" * 50
        assert process.exit_status == number

    for first in (1, 13, 25):
        await asyncio.gather(*map(one, range(first, first + 12)))
    answers = await asyncio.gather(*(each.run("whoami") for each in connections * 6))
    assert [str(done.stdout).split()[0] for done in answers] == ["root", "bob"] * 6
    assert capsys.readouterr() == ("", "")
    for connection in connections:
        connection.close()


async def test_many_words_are_refused_before_they_are_parsed(door: Admin) -> None:
    begin = time.process_time()
    refused = await door.run("root", "config:set hello " + "A=1 " * 50_000)
    assert "50001 words after the command: 1000 are allowed" in refused.err
    assert time.process_time() - begin < 2


async def test_what_an_app_says_of_itself_steers_no_terminal(door: Admin) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\u202egood\x9b2J\r"
    said: list[str] = []
    caller: Any = types.SimpleNamespace(print=said.append)
    row = {"a": hostile, "b": [hostile], "c": {hostile: hostile}}
    listing(caller, [row], {name: name for name in row}, as_json=False)
    fields(caller, row, as_json=False)
    assert "good" in said[0]
    for line in said:
        assert all(char.isprintable() or char == "\n" for char in line)


async def test_who_never_reads_the_last_of_an_answer_is_hung_up(
    door: Admin, marker: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(session, "FLUSH_SECONDS", 0.2)
    async with await door.connect("root") as connection:
        process = await connection.create_process("much", window=1024, max_pktsize=512)
        await until(lambda: "session ended early: TimeoutError" in caplog.text)
        process.close()
        assert (await connection.run("whoami")).exit_status == 0


async def test_too_many_sessions_of_one_connection_are_refused(door: Admin, marker: None) -> None:
    async with await door.connect("root") as connection:
        open_now = [await connection.create_process("wait") for _ in range(16)]
        with pytest.raises(asyncssh.ChannelOpenError, match="too many sessions"):
            await connection.run("whoami")
        assert (await door.run("root", "whoami")).code == 0
        for process in open_now:
            process.close()
