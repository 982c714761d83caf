"""Packs that are large, many, broken or cut off; what came of them stays nowhere."""

import asyncio
import errno
import hashlib
import os
import signal
import struct
import subprocess
import tracemalloc
import zlib

import asyncssh
import pytest
from dulwich.object_store import DiskObjectStore

from deployzero.settings import Settings
from deployzero.source import checkout, git, incoming, pack, receive_pack, repack
from deployzero.source.tree import Limits

ZERO = "0" * 40


def pack_of(work, wanted: str, revisions: bool = True) -> bytes:
    return subprocess.run(
        ["git", "pack-objects", *(["--revs"] if revisions else []), "--stdout", "-q"],
        cwd=work,
        input=wanted.encode(),
        capture_output=True,
        check=True,
    ).stdout


def with_checksum(body: bytes) -> bytes:
    return body + hashlib.sha1(body).digest()


async def raw_push(server, client, commit: str, data: bytes, eof: bool = False) -> str:
    """Push by hand; returns everything that the server said after its refs."""
    async with asyncssh.connect(
        "127.0.0.1",
        server.port,
        username="x",
        client_keys=[str(client.key)],
        known_hosts=None,
        config=None,
    ) as connection:
        process = await connection.create_process("git-receive-pack '/hello'", encoding=None)
        while (size := int(await process.stdout.readexactly(4), 16)) != 0:
            await process.stdout.readexactly(size - 4)
        line = f"{ZERO} {commit} refs/heads/main\0report-status side-band-64k".encode()
        process.stdin.write(b"%04x" % (len(line) + 4) + line + b"0000" + data)
        if eof:
            process.stdin.write_eof()
        said = b""
        async with asyncio.timeout(30):
            while True:
                size = int(await process.stdout.readexactly(4), 16)
                if size == 0:
                    break
                said += (await process.stdout.readexactly(size - 4))[1:]
        return said.decode("utf-8", "replace")


async def test_thousands_of_objects_are_indexed_by_git(server, client, monkeypatch):
    used = []
    original = pack._index_by_git

    async def spy(*args):
        used.append(args)
        await original(*args)

    monkeypatch.setattr(pack, "_index_by_git", spy)
    await client.repository()
    for number in range(2000):
        (client.work / f"file{number}").write_text(f"{number}\n")
    head = await client.commit("last", "x")
    result = await client.git("push", "deployzero", "main")
    assert result.code == 0, result.err
    assert len(used) == 1
    assert (await client.remote_refs())["refs/heads/main"] == head
    assert server.leftovers() == []
    await client.commit("last", "y")
    assert (await client.git("push", "deployzero", "main")).code == 0
    assert len(used) == 1


async def test_thousands_of_objects_without_git_on_the_server(server, client, monkeypatch):
    monkeypatch.setattr(pack, "git_program", lambda: None)
    await client.repository()
    for number in range(1200):
        (client.work / f"file{number}").write_text(f"{number}\n")
    await client.commit("last", "x")
    result = await client.git("push", "deployzero", "main")
    assert result.code == 0, result.err
    assert server.leftovers() == []


class TestLimit:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(max_push_bytes="100k")

    @pytest.mark.parametrize("size", [150_000, 5_000_000])
    async def test_pack_over_the_limit_is_refused_in_words_that_git_shows(
        self, server, client, size
    ):
        await client.repository()
        await client.commit("big.bin", os.urandom(size))
        result = await client.git("push", "deployzero", "main")
        assert result.code == 1
        assert "the push is larger than 100 kB" in result.err
        assert "DEPLOYZERO_MAX_PUSH_BYTES" in result.err
        assert server.platform.pushes == []
        assert server.packs() == []
        assert server.leftovers() == []

    async def test_limit_holds_for_packs_that_git_indexes(self, server, client):
        await client.repository()
        for number in range(1500):
            (client.work / f"file{number}").write_bytes(os.urandom(150))
        await client.commit("last", "x")
        result = await client.git("push", "deployzero", "main")
        assert result.code == 1
        assert "the push is larger than 100 kB" in result.err
        assert server.packs() == []
        assert server.leftovers() == []


def _flipped(data: bytes) -> bytes:
    return data[:-30] + bytes([data[-30] ^ 0xFF]) + data[-29:]


@pytest.mark.parametrize(
    ("breaking", "eof"),
    [
        (lambda data: data[: len(data) // 2], True),
        (lambda data: data[:-7], True),
        (lambda data: data[:12], True),
        (lambda data: data[:-20] + b"\0" * 20, False),
        (_flipped, False),
        (lambda data: b"JUNK" + data[4:], False),
        (lambda data: data[:4] + struct.pack(">I", 9) + data[8:], False),
        (lambda data: with_checksum(data[:12] + b"\x95\x0a" + data[14:-20]), True),
    ],
    ids=["half", "no-end", "header", "checksum", "bit", "magic", "version", "object"],
)
async def test_broken_packs_are_refused_and_leave_nothing(server, client, breaking, eof):
    await client.repository()
    head = await client.ok("rev-parse", "HEAD")
    said = await raw_push(server, client, head, breaking(pack_of(client.work, head)), eof)
    assert "the pack is damaged or incomplete" in said
    assert "ng refs/heads/main" in said
    assert server.platform.pushes == []
    assert server.packs() == []
    assert server.leftovers() == []


@pytest.mark.parametrize("cut", [100, 5000])
async def test_broken_packs_of_many_objects(server, client, cut):
    await client.repository()
    for number in range(1500):
        (client.work / f"file{number}").write_text(f"{number}\n")
    head = await client.commit("last", "x")
    data = pack_of(client.work, head)
    said = await raw_push(server, client, head, data[:-cut], True)
    assert "the pack is damaged or incomplete" in said
    said = await raw_push(server, client, head, data[:-20] + b"\0" * 20)
    assert "the pack is damaged or incomplete" in said
    assert server.packs() == []
    assert server.leftovers() == []


@pytest.mark.parametrize("by_git", [False, True])
@pytest.mark.parametrize("missing", ["blob", "tree", "commit", "tip"])
async def test_incomplete_packs_are_refused(server, client, monkeypatch, missing, by_git):
    monkeypatch.setattr(pack, "MANY_OBJECTS", -1 if by_git else 1000)
    await client.repository()
    parent = await client.ok("rev-parse", "HEAD")
    await client.commit("folder/inner", "two")
    head = await client.ok("rev-parse", "HEAD")
    left_out = {
        "blob": await client.ok("rev-parse", "HEAD:folder/inner"),
        "tree": await client.ok("rev-parse", "HEAD:folder"),
        "commit": parent,
        "tip": head,
    }[missing]
    listing = await client.ok("rev-list", "--objects", head)
    names = "".join(f"{line.split()[0]}\n" for line in listing.splitlines() if left_out not in line)
    data = pack_of(client.work, names, revisions=False)
    said = await raw_push(server, client, head, data)
    assert "ng refs/heads/main the p" in said
    assert "incomplete" in said
    assert server.packs() == []
    assert server.leftovers() == []


async def test_client_that_dies_while_its_pack_is_coming_leaves_nothing(server, client):
    await client.repository()
    head = await client.ok("rev-parse", "HEAD")
    data = pack_of(client.work, head)
    connection = await asyncssh.connect(
        "127.0.0.1", server.port, username="x", client_keys=[str(client.key)], known_hosts=None
    )
    process = await connection.create_process("git-receive-pack '/hello'", encoding=None)
    line = f"{ZERO} {head} refs/heads/main\0report-status side-band-64k".encode()
    process.stdin.write(b"%04x" % (len(line) + 4) + line + b"0000" + data[:60])
    await server.until(server.leftovers)
    connection.abort()
    await server.until(lambda: not server.leftovers())
    assert server.packs() == []
    assert server.platform.pushes == []


async def test_deployment_goes_on_when_the_client_is_killed(server, client):
    await client.repository()
    server.platform.may_end.clear()
    process = await asyncio.create_subprocess_exec(
        *("git", "push", "deployzero", "main"),
        cwd=client.work,
        env=client.env,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    await asyncio.wait_for(server.platform.started.wait(), 20)
    os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    server.platform.may_end.set()
    await server.until(lambda: server.platform.ended)
    head = await client.ok("rev-parse", "HEAD")
    assert (await client.remote_refs())["refs/heads/main"] == head


async def test_git_runs_no_hook_and_no_configuration_of_anyone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.pager=evil'")
    env = git.git_env(tmp_path)
    assert "GIT_CONFIG_PARAMETERS" not in env
    assert env["HOME"] != str(tmp_path)


async def test_silence_is_filled_with_empty_packets(server, client, monkeypatch):
    monkeypatch.setattr(receive_pack, "KEEPALIVE_SECONDS", 0.02)
    await client.repository()
    server.platform.may_end.clear()
    head = await client.ok("rev-parse", "HEAD")
    async with asyncssh.connect(
        "127.0.0.1", server.port, username="x", client_keys=[str(client.key)], known_hosts=None
    ) as connection:
        process = await connection.create_process("git-receive-pack '/hello'", encoding=None)
        line = f"{ZERO} {head} refs/heads/main\0report-status side-band-64k".encode()
        packed = pack_of(client.work, head)
        process.stdin.write(b"%04x" % (len(line) + 4) + line + b"0000" + packed)
        await asyncio.wait_for(process.stdout.readuntil(b"0005\x01" * 3), 20)
    server.platform.may_end.set()


async def test_stock_git_takes_empty_packets_for_nothing(server, client, monkeypatch):
    sent = []
    original = receive_pack.ReceivePack._keep_alive

    async def spy(self):
        sent.append(1)
        await original(self)

    monkeypatch.setattr(receive_pack, "KEEPALIVE_SECONDS", 0.01)
    monkeypatch.setattr(receive_pack.ReceivePack, "_keep_alive", spy)
    await client.repository()
    server.platform.may_end.clear()
    pushing = asyncio.create_task(client.git("push", "deployzero", "main"))
    await server.until(lambda: len(sent) > 5)
    server.platform.may_end.set()
    result = await pushing
    assert result.code == 0, result.err
    assert [line for line in result.err.splitlines() if line.strip() == "remote:"] == []


async def test_packs_do_not_pile_up_and_nothing_is_lost(server, client, monkeypatch):
    monkeypatch.setattr(repack, "MOST_PACKS", 3)
    await client.repository()
    await client.ok("push", "deployzero", "main")
    replaced = await client.commit("index.html", "replaced")
    await client.ok("push", "deployzero", "main")
    await client.ok("reset", "-q", "--hard", "HEAD^")
    for number in range(4):
        await client.commit("index.html", f"{number}")
        await client.ok("push", "-f", "deployzero", "main")
        if number == 1:
            await server.until(lambda: len(server.packs()) == 1)
    assert len(server.packs()) <= 3
    with server.repositories.open("hello") as repo:
        assert replaced.encode() in repo.object_store
    assert (await client.git("clone", client.url("hello"), "c", cwd=client.home)).code == 0


async def test_stopping_server_says_so_in_the_report(server, client):
    await client.repository()
    server.platform.may_end.clear()
    pushing = asyncio.create_task(client.git("push", "deployzero", "main"))
    await server.until(lambda: server.platform.pushes)
    for task in asyncio.all_tasks():
        if "Session.__init__" in repr(task.get_coro()):
            task.cancel()
    result = await pushing
    assert result.code == 1
    assert "main -> main (deployzero is stopping; push again when it is back)" in result.err


@pytest.mark.parametrize("late", [False, True])
async def test_full_disk_is_named(server, client, monkeypatch, late):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if late:
        monkeypatch.setattr(incoming.Incoming, "admit", full)
    else:
        monkeypatch.setattr(DiskObjectStore, "add_thin_pack", full)
    await client.repository()
    result = await client.git("push", "deployzero", "main")
    assert result.code == 1
    assert "(the server cannot store the push: No space left on device)" in result.err
    assert server.leftovers() == []


def bomb_of(client, size: int) -> None:
    """A file of zeros, which deflates to a thousandth."""
    with (client.work / "zeros").open("wb") as file:
        file.truncate(size)


class Peak:
    """Bytes that Python had at most, from entering to leaving."""

    def __enter__(self):
        tracemalloc.start()
        return self

    def __exit__(self, *_):
        self.bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()


async def test_a_file_that_deflates_well_is_streamed(server, client):
    await client.repository()
    bomb_of(client, 200 << 20)
    await client.commit("more", "x")
    with Peak() as peak:
        result = await client.git("push", "deployzero", "main")
    assert result.code == 0, result.err
    assert peak.bytes < 48 << 20
    (checkout,) = server.checkouts.iterdir()
    assert (checkout / "zeros").stat().st_size == 200 << 20


async def test_a_bomb_is_refused_where_git_is_not_installed(server, client, monkeypatch):
    monkeypatch.setattr(pack, "git_program", lambda: None)
    await client.repository()
    bomb_of(client, 200 << 20)
    await client.commit("more", "x")
    with Peak() as peak:
        result = await client.git("push", "deployzero", "main")
    assert result.code == 1
    assert "main -> main (a file unpacks to more than 64 MB)" in result.err
    assert peak.bytes < 48 << 20
    assert server.packs() == []
    assert server.leftovers() == []


def delta_bomb(base: bytes, copies: int) -> bytes:
    """A pack of one file and a delta of it that copies it `copies` times over."""
    size, numbers = len(base) * copies, bytearray()
    for number in (len(base), size):
        while number > 0x7F:
            numbers.append(number & 0x7F | 0x80)
            number >>= 7
        numbers.append(number)
    length = struct.pack("<I", len(base))[:3]
    delta = bytes(numbers) + (b"\xf0" + length) * copies
    body = b"PACK" + struct.pack(">II", 2, 2) + _packed(3, base)
    name = hashlib.sha1(b"blob %d\0" % len(base) + base).digest()
    return with_checksum(body + _packed(7, delta, name))


def _packed(kind: int, data: bytes, base: bytes = b"") -> bytes:
    size = len(data)
    head, size = kind << 4 | size & 0x0F, size >> 4
    header = bytearray()
    while size:
        header.append(head | 0x80)
        head, size = size & 0x7F, size >> 7
    header.append(head)
    return bytes(header) + base + zlib.compress(data)


@pytest.mark.parametrize("with_git", [True, False])
async def test_a_delta_that_makes_gigabytes_of_kilobytes_is_refused(
    server, client, monkeypatch, with_git
):
    if not with_git:
        monkeypatch.setattr(pack, "git_program", lambda: None)
    await client.repository()
    data = delta_bomb(b"\0" * 0xFFFFFF, 400)
    assert len(data) < 50_000
    with Peak() as peak:
        said = await raw_push(server, client, "1" * 40, data)
    assert "a file of the push unpacks to more than 2 GB" in said or (
        not with_git and "a file unpacks to more than 64 MB" in said
    )
    assert peak.bytes < 48 << 20
    assert server.packs() == []
    assert server.leftovers() == []


async def test_an_object_larger_than_it_says_is_refused(server, client):
    await client.repository()
    lying = _packed(3, b"x" * 20)[:1] + b"" + zlib.compress(b"\0" * (50 << 20))
    lying = bytes([3 << 4 | 4]) + lying[1:]
    data = with_checksum(b"PACK" + struct.pack(">II", 2, 1) + lying)
    with Peak() as peak:
        said = await raw_push(server, client, "1" * 40, data)
    assert "an object is larger than it says" in said
    assert peak.bytes < 8 << 20


async def test_a_tree_of_too_many_bytes_is_refused_from_its_headers(server, client, monkeypatch):
    monkeypatch.setattr(checkout, "LIMITS", Limits(bytes=10 << 20))
    monkeypatch.setattr(checkout.checkout, "__defaults__", (checkout.LIMITS,))
    await client.repository()
    bomb_of(client, 12 << 20)
    await client.commit("more", "x")
    result = await client.git("push", "deployzero", "main")
    assert result.code == 1
    assert "(the repository's files are larger than 10 MB)" in result.err
    assert list(server.checkouts.iterdir()) == []
