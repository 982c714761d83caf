"""Archives over HTTP: what is refused, with what words, and that nothing of it is left."""

import asyncio
import io
import os
import stat
import tarfile
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from deployzero import server
from deployzero.api import upload
from deployzero.operations import api_keys, archives, events
from deployzero.source.archive import commit_archive
from deployzero.source.archive_entries import ArchiveLimits
from deployzero.source.checkout import checkout
from deployzero.store import deployments, projects

PATH = "/projects/hello/deployments"
LIMIT = 20.0


def tar(*entries: dict[str, Any] | str, mode: str = "w:gz") -> bytes:
    """Each entry: a name, or the fields of a TarInfo and `data`."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for each in entries:
            fields = {"name": each} if isinstance(each, str) else dict(each)
            data = fields.pop("data", b"hello")
            info = tarfile.TarInfo()
            for name, value in fields.items():
                setattr(info, name, value)
            info.size = len(data) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


async def left(api: Any) -> list[str]:
    """What an upload has left on disk and in the database."""
    data = api.platform.settings.data_dir
    async with api.platform.database.read() as session:
        rows = [f"deployment {each.id}" for each in await deployments.unfinished(session)]
    objects = data / "repositories/hello.git/objects"
    packs = [path.name for path in objects.glob("pack/*")] + [
        path.name for path in objects.glob("tmp_*")
    ]
    checkouts = [path.name for path in (data / "checkouts").glob("*")]
    return rows + packs + checkouts


async def until_under_way(api: Any, uploads: int) -> None:
    async with asyncio.timeout(LIMIT):
        while api.platform.uploads.total() != uploads:  # noqa: ASYNC110 - of another task
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture(loop_scope="session")
async def hello(api: Any) -> Any:
    await api.app("hello", await api.person("ana"))
    return api


async def test_what_must_not_be_unpacked_is_refused_by_its_name(hello: Any) -> None:
    cases: list[tuple[bytes, int, str]] = [
        (tar("/etc/passwd"), 422, "/etc/passwd is an absolute path"),
        (tar("a/../../x"), 422, "a/../../x leads out"),
        (tar({"name": "out", "type": tarfile.SYMTYPE, "linkname": "../../x"}, "b"), 422, "out -> "),
        (tar({"name": "root", "type": tarfile.SYMTYPE, "linkname": "/etc"}, "b"), 422, "root -> "),
        (tar({"name": "hard", "type": tarfile.LNKTYPE, "linkname": "../x"}), 422, "leads out"),
        (tar({"name": "dev/sda", "type": tarfile.BLKTYPE}), 422, "dev/sda is a device"),
        (tar({"name": "pipe", "type": tarfile.FIFOTYPE}), 422, "pipe is a device"),
        (tar({"name": "su", "mode": 0o755 | stat.S_ISUID}), 422, "su has a set-uid"),
        (tar(".git/config"), 422, ".git"),
        (tar({"name": "bomb", "data": bytes(12 << 20)}), 413, "times its own size"),
        (tar("a", {"name": "b", "data": os.urandom(9000)})[:-4000], 422, "cut off"),
        (b"GIF89a" + bytes(600), 422, "no archive"),
        (b"", 422, "no archive came"),
    ]
    for content, status, told in cases:
        answer = await hello.post(PATH, "ana", content=content)
        problem = answer.json()
        assert (answer.status_code, told in problem["detail"]) == (status, True), problem
        assert problem["hint"]
        assert not await left(hello), told


async def test_what_is_too_much_is_refused(hello: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        commit_archive.__kwdefaults__ or {}, "limits", ArchiveLimits(files=3, bytes=100_000)
    )
    for content, told in (
        (tar("a", "b", "c", "d"), "more than 3 files"),
        (tar({"name": "a", "data": os.urandom(110_000)}), "unfolds to more than"),
    ):
        answer = await hello.post(PATH, "ana", content=content)
        assert (answer.status_code, told in answer.json()["detail"]) == (413, True), told
        assert not await left(hello)


async def test_more_than_the_server_takes_is_refused(
    hello: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (archives, upload):
        monkeypatch.setattr(module, "parse_bytes", lambda _: 100_000)
    content = tar({"name": "a", "data": os.urandom(200_000)})

    async def in_pieces() -> Any:
        yield content

    for body in (content, in_pieces()):
        answer = await hello.post(PATH, "ana", content=body)
        assert (answer.status_code, "larger than 100,000" in answer.text) == (413, True)
        assert not await left(hello)


async def talk(api: Any, head: str, body: bytes = b"", user: str = "ana") -> bytes:
    """One request by hand; all that is answered until the server closes, or says nothing more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    key = api.keys[user]
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n{head}\r\n".encode())
    writer.write(body)
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
    writer.close()
    return answer


async def test_a_refusal_comes_before_the_body_is_asked_for(hello: Any) -> None:
    await hello.person("eve")
    ask = "Content-Length: {}\r\nContent-Type: application/gzip\r\nExpect: 100-continue\r\n"
    assert b" 413 " in await talk(hello, ask.format(10**12))
    assert b" 404 " in await talk(hello, ask.format(1000), user="eve")
    made = await hello.post(PATH, "ana", content=tar("a"), headers={"Idempotency-Key": "k"})
    again = await talk(hello, ask.format(1000) + "Idempotency-Key: k\r\n")
    assert b" 200 " in again
    assert f"location: /deployments/{made.json()['id']}".encode() in again.lower()
    assert b" 100 " in await talk(hello, ask.format(1000))


async def test_who_sends_all_first_can_read_why_it_is_refused(hello: Any) -> None:
    async with hello.platform.database.begin() as session:
        project = await projects.by_name(session, "hello")
        assert project is not None
        await projects.set_lock(session, project.id, "root")
    answer = await hello.post(PATH, "ana", content=bytes(30 << 20))
    assert (answer.status_code, "locked by root" in answer.text) == (409, True)
    assert (await hello.post(PATH, content=bytes(30 << 20))).status_code == 401
    assert (await hello.post("/projects", content=bytes(30 << 20))).status_code == 413


async def test_an_upload_that_is_cut_off_leaves_nothing(hello: Any) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", hello.port)
    writer.write(
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-API-Key: {hello.keys['ana']}\r\n"
        "Content-Length: 900000\r\n\r\n".encode()
    )
    writer.write(tar({"name": "a", "data": os.urandom(100_000)}))
    await until_under_way(hello, 1)
    writer.close()
    await until_under_way(hello, 0)
    root = await hello.person("boss", "admin")
    async with asyncio.timeout(LIMIT):
        while True:
            (event,) = await events.list_events(hello.platform, root, "hello")
            if event.result == "the client went away":
                break
            await asyncio.sleep(0.01)
    assert event.action == "git:from-archive"
    assert not await left(hello)


async def test_a_refusal_at_the_end_is_in_the_audit_log_once(hello: Any) -> None:
    async def sent() -> AsyncIterator[bytes]:
        yield tar("a")
        await until_under_way(hello, 1)
        async with hello.platform.database.begin() as session:
            project = await projects.by_name(session, "hello")
            assert project is not None
            await projects.set_lock(session, project.id, "root")

    async with asyncio.timeout(LIMIT):
        answer = await hello.post(PATH, "ana", content=sent())
    assert answer.status_code == 409
    root = await hello.person("boss", "admin")
    noted = await events.list_events(hello.platform, root, "hello")
    assert [(each.action, "locked" in each.result) for each in noted] == [
        ("git:from-archive", True)
    ]


async def test_who_is_cut_off_while_it_is_checked_out_leaves_nothing(
    hello: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, parts = asyncio.get_running_loop(), [tar("a"), b""]
    cut = threading.Event()

    async def read(_: int) -> bytes:
        return parts.pop(0)

    def cut_off() -> None:
        running.cancel()
        loop.call_soon(cut.set)

    def checked_out(repo: Any, commit: str, into: Path) -> None:
        checkout(repo, commit, into)
        loop.call_soon_threadsafe(cut_off)
        assert cut.wait(LIMIT)

    monkeypatch.setattr(archives, "checkout", checked_out)
    ana = await api_keys.authenticate(hello.platform, hello.keys["ana"])
    running = asyncio.ensure_future(archives.deploy_archive(hello.platform, ana, "hello", read))
    await asyncio.wait({running}, timeout=LIMIT)
    assert running.cancelled()
    assert cut.is_set()
    assert not list((hello.platform.settings.data_dir / "checkouts").glob("*"))


async def test_a_server_that_stops_says_so_to_who_uploads(hello: Any) -> None:
    async with server.http_door(hello.platform, 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-API-Key: {hello.keys['ana']}\r\n"
            "Content-Length: 900000\r\n\r\nx".encode()
        )
        await until_under_way(hello, 1)
        asyncio.get_running_loop().call_later(3, writer.close)
    answer = await asyncio.wait_for(reader.read(), LIMIT)
    assert b" 503 " in answer
    assert b"the server stops" in answer
    assert not hello.platform.uploads.total()
    assert not await left(hello)


def form(*parts: tuple[str, bytes], end: bytes = b"--x--\r\n") -> dict[str, Any]:
    head = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n'
    body = b"".join(head.format(name).encode() + data + b"\r\n" for name, data in parts)
    return {
        "content": body + end,
        "headers": {"Content-Type": "multipart/form-data; boundary=x"},
    }


async def test_a_form_has_one_file_and_at_most_a_message(hello: Any) -> None:
    file = ("file", tar("a"))
    for parts, told in (
        ([file, file], "two fields `file`"),
        ([("message", b"a"), ("message", b"a"), file], "two fields `message`"),
        ([("other", b"a"), file], "a field 'other'"),
        ([("message", bytes(70_000)), file], "more than 64 kB"),
        ([("message", b"a")], "no field `file`"),
    ):
        answer = await hello.post(PATH, "ana", **form(*parts))
        assert (answer.status_code, told in answer.json()["detail"]) == (422, True), answer.text
    for broken in (
        form(file, end=b""),
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"x" * 100, "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"", "headers": {"Content-Type": f"multipart/form-data; boundary={'x' * 999}"}},
    ):
        answer = await hello.post(PATH, "ana", **broken)
        assert (answer.status_code, "the form" in answer.json()["detail"]) == (422, True)
    assert not await left(hello)
    answer = await hello.post(PATH, "ana", **form(file, ("message", b"After")))
    assert (answer.status_code, answer.json()["message"]) == (202, "After")


async def test_the_body_is_taken_only_as_fast_as_it_is_stored(
    hello: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    go = asyncio.Event()
    spool: Callable[..., Any] = archives._next

    async def slowly(read: Any) -> bytes:
        await go.wait()
        data = await spool(read)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(archives, "_next", slowly)
    sent = 0

    async def body() -> Any:
        nonlocal sent
        for _ in range(400):
            yield bytes(100_000)
            sent += 100_000

    sending = asyncio.create_task(hello.post(PATH, "ana", content=body()))
    before = -1
    async with asyncio.timeout(LIMIT):
        while sent != before or not sent:  # until the sockets are full
            before = sent
            await asyncio.sleep(0.3)
    assert sent < 20_000_000
    go.set()
    assert (await sending).status_code == 422
    assert sum(sizes) == 40_000_000
    assert max(sizes) < 1_000_000
