"""A backup over real SSH, and a new machine that has it all again."""

import asyncio
import dataclasses
import gzip
import io
import os
import subprocess
import tarfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from click.testing import CliRunner, Result
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero import server
from deployzero.cli import main
from deployzero.deploy import variables
from deployzero.deploy.platform import Platform
from deployzero.errors import ResourceLimitError, SourceError
from deployzero.models.deployment import Deployment, State, User
from deployzero.models.release import Kind, Variable
from deployzero.operations import backup as operation
from deployzero.operations import backup_archive
from deployzero.settings import Settings
from deployzero.source import bundle, pack
from deployzero.source.repository import Repositories
from deployzero.store import deployments, dump, projects, users

Admin = Any  # made in conftest
BUNDLE, CHECKSUMS = "repositories/hello.bundle", "checksums.json"
SECRET = "correct-horse-battery-staple"
LIMIT = 30.0


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
        cwd=folder, check=True, capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    return done.stdout.strip()


def commits(folder: Path, repository: Path, count: int) -> list[str]:
    """Commit that often on main, and have them in the bare repository."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    made = []
    for number in range(count):
        (folder / "page").write_text(f"{number}\n")
        (folder / "noise").write_bytes(os.urandom(2000))
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", f"{number}")
        made.append(git(folder, "rev-parse", "HEAD"))
    git(folder, "push", "--quiet", str(repository), "main", "main:refs/tags/v1")
    return made


async def live_app(admin: Admin, name: str, tmp_path: Path, commit: str = "") -> Deployment:
    """An app with a repository and a live release of its newest commit, or of this one."""
    platform = admin.platform
    async with platform.database.begin() as session:
        owner = await users.by_name(session, "root")
    project = await admin.app(name, owner)
    platform.repositories.open(name).close()
    made = commits(tmp_path / f"{name}-work", platform.repositories.path(name), 3)
    async with platform.database.begin() as session:
        row = await deployments.create(session, project.id, owner.id, "main", commit or made[-1])
        claimed = await deployments.claim_next(session)
        assert claimed is not None
        assert claimed.id == row.id
        await deployments.transition(session, row.id, State.DEPLOYING, image=f"{name}:1")
        await projects.settle_deploy_branch(session, project.id, "main")
        await variables.store(session, platform.vault, project.id, {"TOKEN": Variable(SECRET)})
        return await deployments.commit_live(session, row.id)


async def answered(admin: Admin, flags: str = "") -> asyncssh.SSHCompletedProcess:
    async with await admin.connect("root") as connection:
        return await connection.run(f"backup {flags}", encoding=None, timeout=LIMIT)


async def taken(admin: Admin, file: Path, flags: str = "") -> str:
    """`ssh … backup > file`; returns what stood on standard error."""
    done = await answered(admin, flags)
    assert done.exit_status == 0, done.stderr
    await asyncio.to_thread(file.write_bytes, done.stdout)
    return done.stderr.decode()


def restored(data: Path, *arguments: object, stdin: bytes = b"") -> Result:
    environment = {"DEPLOYZERO_DATA_DIR": str(data)}
    words = ["restore", *map(str, arguments)]
    return CliRunner().invoke(main, words, env=environment, input=stdin)


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[tuple[Platform, AsyncSession]]:
    async with server.open_platform(Settings(data_dir=data)) as new, new.database.read() as session:
        yield new, session


def members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]


async def test_a_new_machine_has_everything_again(admin: Admin, tmp_path: Path) -> None:
    live = await live_app(admin, "hello", tmp_path)
    said = await taken(admin, tmp_path / "backup.tar")
    assert "1 repositories" in said

    done = await asyncio.to_thread(restored, tmp_path / "new", tmp_path / "backup.tar")
    assert done.exit_code == 0, done.output
    assert "hello: will be built and started" in done.output
    old_key = (admin.platform.settings.data_dir / "secret.key").read_bytes()
    for name in ("secret.key", "host_key", "deployzero.db"):
        assert (tmp_path / "new" / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new/secret.key").read_bytes() == old_key
    assert not list((tmp_path / "new").glob("*restoring*"))

    repository = tmp_path / "new/repositories/hello.git"
    assert git(repository, "rev-parse", "main", "v1") == f"{live.commit}\n{live.commit}"
    git(repository, "fsck", "--strict", "--full")
    async with opened(tmp_path / "new") as (new, session):
        rows = await deployments.unfinished(session)
        project = await projects.by_name(session, "hello")
        assert project is not None
        stored = await variables.stored(session, new.vault, project.id)
        old = await deployments.get(session, live.id)
    assert [(row.kind, row.commit, row.branch) for row in rows] == [
        (Kind.REBUILD, live.commit, "main")
    ]
    assert (old.state, old.release, old.image) == (State.RETIRED, 1, None)
    assert stored == {"TOKEN": Variable(SECRET)}
    assert new.instance != admin.platform.instance  # the old server may still run


async def test_nothing_secret_is_readable_without_the_keys(admin: Admin, tmp_path: Path) -> None:
    await live_app(admin, "hello", tmp_path)
    await taken(admin, tmp_path / "backup.tar", "--no-keys")
    found = members(tmp_path / "backup.tar")
    assert not [name for name in found if name.startswith("keys/")]
    content = b"".join(
        gzip.decompress(data) if name.endswith(".gz") else data for name, data in found.items()
    )
    assert b"TOKEN" in content
    key = (admin.platform.settings.data_dir / "secret.key").read_bytes()
    for secret in (SECRET.encode(), key, key.hex().encode()):
        assert secret not in content


async def test_without_the_keys_the_old_secret_key_is_needed(admin: Admin, tmp_path: Path) -> None:
    await live_app(admin, "hello", tmp_path)
    archive, new = tmp_path / "backup.tar", tmp_path / "new"
    await taken(admin, archive, "--no-keys")
    wrong, short = tmp_path / "wrong", tmp_path / "short"
    wrong.write_bytes(os.urandom(32))
    short.write_bytes(b"short")

    def tried() -> None:
        assert "--secret-key FILE" in restored(new, archive).output
        done = restored(new, archive, "--secret-key", wrong)
        assert "not the one" in done.output
        assert "5 bytes" in restored(new, archive, "--secret-key", short).output
        assert not new.exists()
        right = admin.platform.settings.data_dir / "secret.key"
        assert restored(new, archive, "--secret-key", right).exit_code == 0
        dropped = restored(tmp_path / "dropped", archive, "--without-secrets")
        assert "variables are dropped" in dropped.output
        assert dropped.exit_code == 0

    await asyncio.to_thread(tried)
    for folder, kept in ((new, {"TOKEN": Variable(SECRET)}), (tmp_path / "dropped", {})):
        async with opened(folder) as (platform, session):
            project = await projects.by_name(session, "hello")
            assert project is not None
            assert await variables.stored(session, platform.vault, project.id) == kept


async def test_variables_that_can_be_read_are_not_dropped(admin: Admin, tmp_path: Path) -> None:
    await live_app(admin, "hello", tmp_path)
    archive, new = tmp_path / "backup.tar", tmp_path / "new"
    await taken(admin, archive)
    done = await asyncio.to_thread(restored, new, archive, "--without-secrets")
    assert done.exit_code != 0
    assert "Restore it without that option" in done.output
    assert not new.exists()


async def test_a_stopped_app_stays_stopped_and_keeps_its_release(
    admin: Admin, tmp_path: Path
) -> None:
    live = await live_app(admin, "hello", tmp_path)
    async with admin.platform.database.begin() as session:
        await session.execute(dump.text("UPDATE projects SET stopped = true"))
    await taken(admin, tmp_path / "backup.tar")
    done = await asyncio.to_thread(restored, tmp_path / "new", tmp_path / "backup.tar")
    assert "hello: stays stopped" in done.output
    async with opened(tmp_path / "new") as (_, session):
        assert await deployments.unfinished(session) == []
        kept = await deployments.get(session, live.id)
    assert (kept.state, kept.image) == (State.LIVE, None)


async def test_a_release_that_no_branch_names_any_more_is_in_the_backup(
    admin: Admin, tmp_path: Path
) -> None:
    """After a forced push, say, that did not go live."""
    live = await live_app(admin, "hello", tmp_path)
    work = tmp_path / "hello-work"
    git(work, "checkout", "--quiet", "--orphan", "other")
    git(work, "commit", "--quiet", "--message", "other")
    repository = admin.platform.repositories.path("hello")
    git(work, "push", "--quiet", "--force", str(repository), "other:main", "other:refs/tags/v1")
    await taken(admin, tmp_path / "backup.tar")
    done = await asyncio.to_thread(restored, tmp_path / "new", tmp_path / "backup.tar")
    assert "hello: will be built" in done.output
    assert git(tmp_path / "new/repositories/hello.git", "cat-file", "-t", live.commit) == "commit"


async def test_a_damaged_archive_changes_nothing(admin: Admin, tmp_path: Path) -> None:
    await live_app(admin, "hello", tmp_path)
    await taken(admin, tmp_path / "backup.tar")
    whole, new = (tmp_path / "backup.tar").read_bytes(), tmp_path / "new"
    new.mkdir()
    (new / "notes").write_text("mine")
    with tarfile.open(tmp_path / "backup.tar") as archive:
        places = {m.name: (m.offset, m.offset_data, m.size) for m in archive}
    end = places["checksums.json"][0]
    cuts = [0, 100, len(whole) // 2, places["keys/host_key"][0], end, end + 600]
    broken = {f"cut at {cut}": whole[:cut] for cut in cuts}
    for name in ("manifest.json", "keys/host_key", "database/users.jsonl.gz", BUNDLE, CHECKSUMS):
        _, offset, size = places[name]
        flipped = bytearray(whole)
        flipped[offset + size // 2] ^= 1
        broken[f"{name} changed"] = bytes(flipped)
    header, _, size = places["database/events.jsonl.gz"]
    member = 512 + size + -size % 512
    broken["a member less"] = whole[:header] + whole[header + member :]
    broken["a member twice"] = whole[: header + member] + whole[header:]
    broken["no archive"] = b"hello\n" * 500

    def tried() -> None:
        for what, data in broken.items():
            done = restored(new, "-", stdin=data)
            assert done.exit_code == 1, what
            assert done.output.count(" !     ") == 2, f"{what}: {done.output}"
            assert sorted(os.listdir(new)) == ["deployzero.lock", "notes"], what
        assert restored(new, "-", stdin=gzip.compress(whole)).exit_code == 0

    await asyncio.to_thread(tried)


async def test_what_is_there_already_is_never_overwritten(admin: Admin, tmp_path: Path) -> None:
    await taken(admin, tmp_path / "backup.tar")
    for name in ("secret.key", "host_key", "deployzero.db", "repositories/a.git/HEAD"):
        data = tmp_path / name.replace("/", "-")
        (data / name).parent.mkdir(parents=True)
        (data / name).write_text("mine")
        done = await asyncio.to_thread(restored, data, tmp_path / "backup.tar")
        assert done.exit_code == 1
        assert "is in use" in done.output
        assert (data / name).read_text() == "mine"


async def test_nobody_but_an_admin_gets_a_backup(admin: Admin) -> None:
    await admin.person("eve")
    answer = await admin.run("eve", "backup")
    assert (answer.code, answer.out) == (1, "")
    assert "only an admin" in answer.err


async def test_a_terminal_gets_no_archive(admin: Admin) -> None:
    async with await admin.connect("root") as connection:
        done = await connection.run("backup", term_type="xterm", timeout=LIMIT)
    assert done.exit_status == 1
    assert "backup.tar" in str(done.stdout) + str(done.stderr)


def spooled(folder: Path) -> list[str]:
    """Deleted files in the folder that this process still holds."""
    links = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(link))
        except FileNotFoundError:
            continue
    return [link for link in links if link.startswith(str(folder)) and link.endswith("(deleted)")]


async def until(condition: Any, what: str) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110 - of other threads, too
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("phase", ["database", "repositories"])
async def test_a_client_that_goes_away_ends_it(
    admin: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    await live_app(admin, "hello", tmp_path)
    reached = threading.Event()

    async def dumping(url: str, folder: Path, stop: threading.Event) -> dump.Dump:
        made = await real_dump(url, folder, threading.Event())
        if phase == "database":
            reached.set()
            assert stop.wait(LIMIT)
        return made

    def packing(*arguments: Any) -> bool:
        reached.set()
        assert arguments[-1].wait(LIMIT)
        raise SourceError("stopped")

    real_dump = dump.dump
    monkeypatch.setattr(operation, "dump", dumping)
    monkeypatch.setattr(bundle, "write_bundle", packing)
    connection = await admin.connect("root")
    process = await connection.create_process("backup", encoding=None)
    await until(reached.is_set, "the phase")
    connection.abort()
    await connection.wait_closed()
    process.close()
    data = admin.platform.settings.data_dir
    await until(lambda: not spooled(data), "no file")
    alive = [t.name for t in threading.enumerate() if t.name.startswith("backup")]
    await until(lambda: not [t for t in threading.enumerate() if t.name in alive], "no thread")


async def test_a_client_that_does_not_read_is_waited_for(
    admin: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has not taken yet is on the disk, and not in memory."""
    await live_app(admin, "hello", tmp_path)
    noise = tmp_path / "hello-work/noise"
    noise.write_bytes(os.urandom(6 << 20))
    git(noise.parent, "add", "--all")
    git(noise.parent, "commit", "--quiet", "--message", "large")
    git(noise.parent, "push", "--quiet", str(admin.platform.repositories.path("hello")), "main")
    sent = 0
    send = backup_archive.ArchiveWriter._send

    async def counted(self: Any, data: bytes) -> None:
        nonlocal sent
        sent += len(data)
        await send(self, data)

    monkeypatch.setattr(backup_archive.ArchiveWriter, "_send", counted)
    async with await admin.connect("root") as connection:
        process = await connection.create_process("backup", encoding=None, window=1 << 16)
        await until(lambda: sent > 1 << 18, "a beginning")
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.1)
        assert sent < 4 << 20
        out = await process.stdout.read()
    assert len(out) > 6 << 20


class Full:
    """Nameless files on a full disk."""

    def __call__(self, *_: object, **__: object) -> io.BufferedRandom:
        return open("/dev/full", "r+b", buffering=0)  # type: ignore[return-value]


async def test_a_full_disk_is_named(
    admin: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live_app(admin, "hello", tmp_path)
    for module in (dump, operation):
        with monkeypatch.context() as patch:
            patch.setattr(module, "_spool", Full())
            answer = await answered(admin)
        assert answer.exit_status == 1
        assert b"No space left on device" in answer.stderr
        assert b"df -h" in answer.stderr
        data = tmp_path / module.__name__
        done = await asyncio.to_thread(restored, data, "-", stdin=answer.stdout)
        assert done.exit_code == 1  # what there is of it is no backup
        assert not data.exists()


async def test_a_backup_does_not_take_the_last_space(admin: Admin) -> None:
    settings = admin.platform.settings.model_copy(update={"min_free_disk": "900000g"})
    platform = dataclasses.replace(admin.platform, settings=settings)
    output = io.BytesIO()
    with pytest.raises(ResourceLimitError, match="too full for a backup"):
        await operation.backup(platform, User(1, "root", users.ADMIN), output)  # type: ignore[arg-type]
    assert output.getvalue() == b""


@pytest.mark.parametrize("installed", [True, False])
async def test_a_repository_is_packed_while_pushes_and_repacks_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    repositories = Repositories(tmp_path / "repositories")
    repositories.open("hello").close()
    repository, work = repositories.path("hello"), tmp_path / "work"
    (first, *_) = commits(work, repository, 5)
    if not installed:
        for module in (bundle, pack):
            monkeypatch.setattr(module, "git_program", lambda: None)
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            (work / "page").write_text(f"churn {number}\n")
            git(work, "commit", "--quiet", "--all", "--message", f"{number}")
            git(work, "push", "--quiet", str(repository), "main")
            git(repository, "repack", "-a", "-d", "-q")

    churning = asyncio.get_running_loop().run_in_executor(None, churn)
    try:
        for round_ in range(4):
            file = (tmp_path / f"{round_}.bundle").open("w+b")
            never = threading.Event()
            written = await asyncio.to_thread(
                bundle.write_bundle, repositories, "hello", [first], file, never
            )
            assert written
            file.close()
    finally:
        stop.set()
        await churning
        repositories.close()
    for round_ in range(4):
        path = tmp_path / f"{round_}.bundle"
        git(work, "bundle", "verify", "--quiet", str(path))
        again = Repositories(tmp_path / f"again{round_}")
        with path.open("rb") as file:
            member = backup_archive.Member("x", path.stat().st_size, file)
            stream = backup_archive.Stream(member)
            tips = await bundle.read_bundle(again, "hello", stream, member.size)
        again.close()
        assert first in tips
        git(again.path("hello"), "fsck", "--full", "--strict")


async def test_a_damaged_repository_leaves_the_others_in_the_backup(
    admin: Admin, tmp_path: Path
) -> None:
    await live_app(admin, "hello", tmp_path)
    await live_app(admin, "other", tmp_path)
    for file in (admin.platform.repositories.path("other") / "objects").rglob("??/*"):
        file.unlink()
    for file in (admin.platform.repositories.path("other") / "objects/pack").glob("*"):
        file.unlink()
    answer = await answered(admin)
    assert answer.exit_status == 1
    assert b"not in the backup: other" in answer.stderr
    done = await asyncio.to_thread(restored, tmp_path / "new", "-", stdin=answer.stdout)
    assert done.exit_code == 0
    assert "hello: will be built" in done.output
    assert "other: its code is not in the backup" in done.output


async def test_a_backup_is_in_the_audit_log(admin: Admin, tmp_path: Path) -> None:
    await taken(admin, tmp_path / "backup.tar")
    async with admin.platform.database.read() as session:
        found = await session.execute(dump.text('SELECT action, "user", result FROM events'))
        assert ("backup", "root", "ok") in [tuple(row) for row in found]
