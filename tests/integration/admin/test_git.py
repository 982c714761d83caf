"""git:* over SSH: the deploy branch, and archives that become commits on it."""

import asyncio
import contextlib
import dataclasses
import gzip
import io
import json
import shutil
import subprocess
import tarfile

import pytest
from dulwich.repo import Repo

from deployzero.deploy import disk, turn
from deployzero.errors import (
    ArchiveError,
    ArchiveTooLargeError,
    ConflictError,
    ResourceLimitError,
    SourceError,
)
from deployzero.models.access import Role
from deployzero.models.deployment import State
from deployzero.models.release import Kind
from deployzero.operations import archives, git
from deployzero.settings import parse_bytes
from deployzero.source.branch_name import check_branch_name
from deployzero.store import access, deployments, projects

LIMIT = 20.0


@pytest.fixture
async def alice(admin):
    user = await admin.person("alice")
    await admin.app("hello", user)
    return user


def archive(**files):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return made.getvalue()


def reader(data):
    file = io.BytesIO(data)

    async def read(size):
        return file.read(size)

    return read


async def queued(admin):
    """The deployment that was just queued."""
    async with asyncio.timeout(LIMIT):
        while True:
            async with admin.platform.database.read() as session:
                if found := await deployments.unfinished(session):
                    return found[-1]
            await asyncio.sleep(0.02)


async def end(admin, deployment, live=True):
    """As the worker would, without an engine."""
    async with admin.platform.database.begin() as session:
        await deployments.transition(session, deployment.id, State.BUILDING)
        if live:
            await deployments.transition(session, deployment.id, State.DEPLOYING)
            deployment = await deployments.commit_live(session, deployment.id)
        else:
            await deployments.transition(session, deployment.id, State.ERROR, reason="no engine")
    if live:
        await admin.platform.repositories.set_branch("hello", deployment.branch, deployment.commit)
    await admin.platform.logs.end(deployment.id)
    return deployment


async def send(admin, data, command="git:from-archive hello", live=True):
    """Deploy an archive; returns (the answer, its deployment)."""
    running = asyncio.create_task(admin.run("alice", command, data))
    try:
        deployment = await end(admin, await queued(admin), live)
        return await running, deployment
    finally:
        running.cancel()


def refs(admin):
    with Repo(str(admin.platform.repositories.path("hello"))) as repo:
        found = {k.decode(): v.decode() for k, v in repo.refs.as_dict(b"refs/heads").items()}
        return found, repo.refs.follow(b"HEAD")[0][-1].decode()


async def test_an_archive_is_a_commit_after_what_is_live(admin, alice):
    answer, first = await send(admin, archive(a="1"), "git:from-archive hello -m 'Version 1'")
    assert answer.code == 0, answer.err
    assert (first.kind, first.branch, first.old_commit) == (Kind.ARCHIVE, "main", None)
    assert (first.user_name, first.message) == ("alice", "Version 1")
    answer, second = await send(admin, archive(a="1"))
    assert (second.old_commit, second.message) == (first.commit, "Archive")
    with admin.platform.repositories.open("hello") as repo:
        commit = repo[second.commit.encode()]
        assert commit.parents == [first.commit.encode()]
        assert commit.author == b"alice <alice@localhost>"
        assert commit.tree == repo[first.commit.encode()].tree
    status = json.loads((await admin.run("alice", "git:status hello --json")).out)
    assert (status["commit"], status["by"], status["kind"]) == (second.commit, "alice", "archive")


async def test_of_two_archives_at_once_the_one_sent_last_stays(admin, alice):
    first, second = (
        asyncio.create_task(archives.deploy_archive(admin.platform, alice, "hello", read))
        for read in (reader(archive(a="1")), reader(archive(a="2")))
    )
    ids = sorted([await first, await second])
    async with admin.platform.database.read() as session:
        older, newer = [await deployments.get(session, each) for each in ids]
    await end(admin, older)
    await turn.check_turn(admin.platform, newer)
    third = await archives.deploy_archive(admin.platform, alice, "hello", reader(archive(a="3")))
    async with admin.platform.database.read() as session:
        assert (await deployments.get(session, third)).old_commit == newer.commit


async def test_status_tells_of_the_push_that_brought_the_commit(admin, alice, deployed):
    async with admin.platform.database.read() as session:
        hello = await projects.by_name(session, "hello")
    pushed = await deployed(hello, message="A push")
    await deployed(hello, kind=Kind.CONFIG, message="set A")
    await deployed(hello, kind=Kind.SCALE, message="Scale web=1")
    status = json.loads((await admin.run("alice", "git:status hello --json")).out)
    assert (status["release"], status["kind"], status["message"]) == (2, "push", "A push")
    assert status["at"] == pushed.finished_at.isoformat()
    assert "release:        v2\n" in (await admin.run("alice", "git:status hello")).out


async def test_what_fails_exits_as_a_push_does(admin, alice):
    answer, _ = await send(admin, archive(a="1"), live=False)
    assert answer.code == 1
    status = json.loads((await admin.run("alice", "git:status hello --json")).out)
    assert status["commit"] is None


async def test_its_tree_is_checked_out_for_the_build(admin, alice):
    _, deployment = await send(admin, archive(**{"app.py": "print()"}))
    folder = admin.platform.checkouts / deployment.checkout
    assert (folder / "app.py").read_text() == "print()"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no archive came"),
        (b"hello", "what came is no archive"),
        (archive(**{"../x": ""}), "../x leads out"),
        (archive(**{".git/config": ""}), "git's own folder"),
        (archive(a="1" * 5000)[:-20], "damaged or cut off"),
        (archive(a="version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointers"),
    ],
)
async def test_what_is_refused_starts_nothing_and_leaves_nothing(admin, alice, data, why):
    answer = await admin.run("alice", "git:from-archive hello", data)
    assert answer.code == 1
    assert why in answer.err
    async with admin.platform.database.read() as session:
        assert await deployments.unfinished(session) == []
    assert list(admin.platform.checkouts.iterdir()) == []
    left = {path.name for path in admin.platform.settings.data_dir.iterdir()}
    assert not any(name.startswith("tmp") for name in left)


async def test_an_upload_is_bounded_and_read_no_further(admin, alice):
    settings = admin.platform.settings.model_copy(update={"max_upload_bytes": "1m"})
    platform = dataclasses.replace(admin.platform, settings=settings)
    given = 0

    async def endless(size):
        nonlocal given
        given += 1 << 16
        return bytes(1 << 16)

    with pytest.raises(ArchiveTooLargeError, match="larger than 1,048,576 bytes"):
        await archives.deploy_archive(platform, alice, "hello", endless)
    assert given < 2 << 20


async def test_a_silent_upload_ends(admin, alice, monkeypatch):
    monkeypatch.setattr(archives, "STALL_SECONDS", 0.05)

    async def silent(size):
        await asyncio.Event().wait()

    with pytest.raises(ArchiveError, match="no data for"):
        await archives.deploy_archive(admin.platform, alice, "hello", silent)


async def test_a_slow_upload_ends(admin, alice, monkeypatch):
    monkeypatch.setattr(archives, "UPLOAD_SECONDS", 0.05)

    async def dripping(size):
        await asyncio.sleep(0.01)
        return b"."

    with pytest.raises(ArchiveError, match="did not end within"):
        await archives.deploy_archive(admin.platform, alice, "hello", dripping)


async def test_an_upload_leaves_the_server_its_last_disk_space(admin, alice, monkeypatch):
    monkeypatch.setattr(archives, "CHECK_EVERY", 1 << 20)
    wanted = parse_bytes(admin.platform.settings.min_free_disk)
    free, given = wanted + (4 << 20), 0
    monkeypatch.setattr(
        disk.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, free - given)
    )

    async def large(size):
        nonlocal given
        given += 1 << 16
        return bytes(1 << 16)

    with pytest.raises(ResourceLimitError, match="nearly full"):
        await archives.deploy_archive(admin.platform, alice, "hello", large)
    assert given < 6 << 20


async def test_a_user_has_two_uploads_at_once(admin, alice):
    begun = asyncio.Semaphore(0)

    async def waits(size):
        begun.release()
        await asyncio.Event().wait()

    def upload():
        return archives.deploy_archive(admin.platform, alice, "hello", waits)

    async with asyncio.timeout(LIMIT):
        running = [asyncio.create_task(upload()) for _ in range(archives.UPLOADS)]
        for _ in running:
            await begun.acquire()
        with pytest.raises(ConflictError, match="2 uploads of yours"):
            await upload()
        ended = running.pop()
        ended.cancel()
        await asyncio.wait([ended])
        running.append(asyncio.create_task(upload()))
        await begun.acquire()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    assert not admin.platform.uploads[alice.id]


async def test_cancelled_it_ends_at_once_and_leaves_no_objects(admin, alice):
    parts = [gzip.compress(bytes(8 << 20)), b""]
    reached = asyncio.Event()

    async def read(size):
        if len(parts) == 1:
            reached.set()
        return parts.pop(0)

    running = asyncio.create_task(archives.deploy_archive(admin.platform, alice, "hello", read))
    await reached.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError, ArchiveError):
        await running
    objects = admin.platform.repositories.path("hello") / "objects"
    assert not list(objects.glob("tmp_objdir*"))
    assert not list(objects.glob("pack/*"))


async def test_a_terminal_is_told_to_give_a_file(admin, alice):
    async with await admin.connect("alice") as connection:
        done = await connection.run("git:from-archive hello", term_type="xterm", timeout=LIMIT)
    assert done.exit_status == 1
    assert "git:from-archive hello < app.tar.gz" in str(done.stdout) + str(done.stderr)


async def test_nothing_for_a_locked_app_a_viewer_or_a_stranger(admin, alice):
    eve = await admin.person("eve")
    data = archive(a="1")
    assert "there is no app hello" in (await admin.run("eve", "git:status hello")).err
    assert "there is no app" in (await admin.run("eve", "git:from-archive hello", data)).err
    async with admin.platform.database.begin() as session:
        project = await projects.by_name(session, "hello")
        await access.give(session, project.id, eve.id, Role.VIEWER)
        await projects.set_lock(session, project.id, "alice")
    assert (await admin.run("eve", "git:report hello")).code == 0
    for command in ("git:from-archive hello", "git:set hello deploy-branch x"):
        assert "this needs a deployer" in (await admin.run("eve", command, data)).err
    answer = await admin.run("alice", "git:from-archive hello", data)
    assert "hello is locked by alice" in answer.err
    assert "there is no app new" in (await admin.run("alice", "git:from-archive new", data)).err


async def test_another_deploy_branch_names_what_is_live(admin, alice):
    answer = await admin.run("alice", "git:set hello deploy-branch release/2")
    assert answer.code == 0, answer.err
    _, first = await send(admin, archive(a="1"))
    assert first.branch == "release/2"
    assert refs(admin) == ({"release/2": first.commit}, "refs/heads/release/2")
    for branch in ("release", "main", "main/sub", "grün"):
        answer = await admin.run("alice", f"git:set hello deploy-branch {branch}")
        assert answer.code == 0, answer.err
        assert f"{branch} is {first.commit[:9]}, which is live" in answer.out
        assert refs(admin) == ({branch: first.commit}, f"refs/heads/{branch}")
    target = await git.status(admin.platform, alice, "hello")
    assert (target.deploy_branch, target.commit) == ("grün", first.commit)
    async with admin.platform.database.read() as session:
        assert (await deployments.get(session, first.id)).branch == "grün"


REFUSED = [
    "", "-x", "a b", "a..b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a.lock", ".a", "a/.b", "a/",
    "/a", "a//b", "a.", "@", "a@{b", "a\\b", "HEAD", "refs/heads/main", "a\nb", "a\x7f",
    "1234567890" * 4, "x" * 201,
]  # fmt: skip


async def test_names_that_git_refuses(admin, alice):
    for name in REFUSED:
        with pytest.raises(SourceError, match="no name for a branch"):
            await git.set_deploy_branch(admin.platform, alice, "hello", name)
    answer = await admin.run("alice", "git:set hello deploy-branch -- -x")
    assert "'-x' is no name for a branch" in answer.err
    assert (await git.status(admin.platform, alice, "hello")).deploy_branch is None


def test_what_stock_git_refuses_is_refused():
    for name in ("main", "release/2", "grün", "a-b_c.d", "a@b", "a#1"):
        assert check_branch_name(name) == name
        assert subprocess.run(["git", "check-ref-format", "--branch", name]).returncode == 0
    for name in REFUSED:
        done = subprocess.run(
            ["git", "check-ref-format", "--branch", name], capture_output=True, timeout=LIMIT
        )
        ours = name in ("HEAD", "refs/heads/main", "@") or len(name) > 39
        assert done.returncode != 0 or ours, name


async def test_an_unknown_property_is_named(admin, alice):
    answer = await admin.run("alice", "git:set hello branch x")
    assert "deploy-branch" in answer.err
