"""A dump is one consistent picture, and every row of it comes back, in either database."""

import asyncio
import datetime as dt
import gzip
import io
import os
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from deployzero import server
from deployzero.errors import ConflictError, DeployZeroException
from deployzero.models.access import Scope
from deployzero.models.deployment import Project, State, User
from deployzero.operations.backup import backup
from deployzero.operations.restore import restore
from deployzero.settings import Settings
from deployzero.store import config_vars, deployments, dump, projects, users
from deployzero.store.database import Database
from deployzero.store.migrations import upgrade
from deployzero.store.tables import (
    AccessRow,
    APIKeyRow,
    Base,
    CLILoginRow,
    ConfigVarRow,
    ContainerRow,
    DeploymentRow,
    DomainRow,
    EventRow,
    InvitationRow,
    LogLineRow,
    RemovedKeyRow,
    ServerRow,
    SSHKeyRow,
)

Deploys = Any  # made in conftest
MOMENT = dt.datetime(2026, 2, 3, 4, 5, 6, 789012, tzinfo=dt.UTC)
AWKWARD = "a\tb\n\"'\\ ü 🚀 \u2028 end "


class Buffer(io.BytesIO):
    async def drain(self) -> None:
        await asyncio.sleep(0)


@pytest.fixture
def other_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the kind that `url` is not."""
    if kind == "postgresql":
        yield f"sqlite+aiosqlite:///{tmp_path}/other.db"
        return
    postgresql = request.getfixturevalue("postgresql")
    postgresql.run("createdb", "other")
    yield postgresql.url("other")
    postgresql.run("dropdb", "other")


@pytest.fixture
async def target(other_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(other_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def filled(database: Database, user: User, project: Project, deploys: Deploys) -> Database:
    """Something in every table, and ids that are gone again."""
    live = await deploys.live(project)
    started = await deploys.create(project, "b" * 40)
    gone = await deploys.create(project)
    common = {"deployment_id": live.id, "project_id": project.id}
    async with database.begin() as session:
        await session.execute(text("DELETE FROM deployments WHERE id = :id"), {"id": gone.id})
        for row, values in (
            (SSHKeyRow, {"user_id": user.id, "name": "k", "public_key": "p", "fingerprint": "f"}),
            (APIKeyRow, {
                "user_id": user.id, "name": "ci", "sha256": "a" * 64, "prefix": "dz_a",
                "scope": Scope.DEPLOY, "project_id": project.id, "expires_at": MOMENT}),
            (APIKeyRow, {
                "user_id": user.id, "name": "browser", "sha256": "b" * 64, "prefix": "dz_b",
                "scope": Scope.ADMIN, "session": True}),
            (InvitationRow, {
                "sha256": "c" * 64, "role": "member", "by": "ada", "expires_at": MOMENT}),
            (CLILoginRow, {
                "device_sha256": "d" * 64, "user_code": "BCDF-GHJK", "computer": "laptop",
                "address": "10.0.0.1", "user_id": user.id, "approved": True,
                "expires_at": MOMENT}),
            (AccessRow, {"project_id": project.id, "user_id": user.id, "role": "owner"}),
            (ConfigVarRow, {"project_id": None, "name": "A", "sealed": "x", "build": True}),
            (DomainRow, {"project_id": project.id, "name": "a.org", "created_at": MOMENT}),
            (EventRow, {
                "at": MOMENT, "user": "", "key_fingerprint": "", "action": "a", "app": "",
                "detail": AWKWARD, "result": "ok"}),
            (RemovedKeyRow, {"fingerprint": "g"}),
            (ServerRow, {"key": "instance", "value": "0123456789ab"}),
            (LogLineRow, {"deployment_id": started.id, "seq": 1, "text": AWKWARD}),
            (ContainerRow, common | {
                "process": "web", "index": 1, "name": "n", "address": "10.0.0.1", "port": 1,
                "health": "healthy"}),
        ):  # fmt: skip
            await session.execute(insert(row).values(**values))
        await session.execute(
            text("UPDATE deployments SET logs = :logs WHERE id = :id"),
            {"logs": AWKWARD, "id": live.id},
        )
    return database


async def rows(engine: AsyncEngine) -> dict[str, list[Any]]:
    async with engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, await connection.execute(select(table))), key=str)
            for table in Base.metadata.sorted_tables
        }


async def dumped(url: str, folder: Path) -> dump.Dump:
    return await dump.dump(url, folder, threading.Event())


async def load(made: dump.Dump, engine: AsyncEngine, revision: str = "") -> None:
    def all_tables(connection: Connection) -> None:
        upgrade(connection, revision)
        tables = dump.tables_of(connection)
        for name, file in made.files.items():
            file.seek(0)
            with gzip.open(file) as lines:
                assert dump.load(connection, tables[name], lines) == made.tables[name]
        dump.set_sequences(connection, made.sequences)

    async with engine.begin() as connection:
        await connection.run_sync(all_tables)


async def test_every_row_comes_back_in_the_other_kind_of_database(
    filled: Database, target: AsyncEngine, url: str, other_url: str, tmp_path: Path
) -> None:
    made = await dumped(url, tmp_path)
    source = create_async_engine(url)
    try:
        before = await rows(source)
        await load(made, target)
        after = await rows(target)
    finally:
        made.close()
        await source.dispose()
    assert min(made.tables.values()) > 0  # the test has something in every table
    assert after == before
    await new_ids_are_new(Database(other_url))


async def new_ids_are_new(database: Database) -> None:
    try:
        async with database.begin() as session:
            new = await deployments.create(session, 1, 1, "main", "c" * 40)
    finally:
        await database.close()
    assert new.id == 4  # 3 was deleted before the dump


async def test_what_is_written_meanwhile_is_not_in_it(
    filled: Database, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a project could be dumped whose owner, in a table before it, is not."""
    write, names = dump._write, []

    async def slow(connection: Any, table: Any, file: Any, stop: Any) -> int:
        names.append(table.name)
        if len(names) == 2:
            async with filled.begin() as session:
                new = await users.create(session, "late")
                await projects.create(session, "late", new.id)
        return await write(connection, table, file, stop)

    monkeypatch.setattr(dump, "_write", slow)
    made = await dumped(url, tmp_path)
    made.close()
    assert (made.tables["users"], made.tables["projects"]) == (1, 1)
    async with filled.read() as session:
        assert await projects.by_name(session, "late") is not None  # nobody waited for the dump


async def test_asked_to_stop_it_stops_and_leaves_no_file(
    filled: Database, url: str, tmp_path: Path
) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        await dump.dump(url, tmp_path, stop)
    assert open_files(tmp_path) == []


def open_files(folder: Path) -> list[str]:
    """Names of deleted files in the folder that this process still holds."""
    links = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [link for link in links if link.startswith(str(folder)) and "deleted" in link]


async def test_rows_of_an_older_revision_are_loaded_and_brought_up_to_date(
    target: AsyncEngine, other_url: str
) -> None:
    line = b'{"id": 7, "name": "ada", "role": "admin", "api_key": null, "created_at": '
    line += b'"2026-01-02T03:04:05+00:00"}\n'

    def old(connection: Connection) -> None:
        upgrade(connection, "0001")
        dump.load(connection, dump.tables_of(connection)["users"], [line])
        upgrade(connection)
        dump.set_sequences(connection, {"users": 9})

    async with target.begin() as connection:
        await connection.run_sync(old)
    database = Database(other_url)
    try:
        async with database.begin() as session:
            ada = await users.by_name(session, "ada")
            new = await users.create(session, "bob")
    finally:
        await database.close()
    assert ada is not None
    assert (ada.id, new.id) == (7, 10)


async def test_a_line_that_is_no_row_is_refused(tmp_path: Path) -> None:
    def damaged(connection: Connection) -> None:
        upgrade(connection)
        table = dump.tables_of(connection)["server"]
        for line in (b"", b"[]", b"{}", b'{"key": 1}', b'{"key": "a", "value": "b", "c": 1}'):
            with pytest.raises(DeployZeroException, match="table server is damaged"):
                dump.load(connection, table, [line])

    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/empty.db")
    async with engine.begin() as connection:
        await connection.run_sync(damaged)
    await engine.dispose()


async def test_a_backup_moves_a_server_from_one_kind_of_database_to_the_other(
    filled: Database, url: str, other_url: str, tmp_path: Path
) -> None:
    output = Buffer()
    async with server.open_platform(Settings(data_dir=tmp_path / "a", database_url=url)) as old:
        async with old.database.begin() as session:
            sealed = old.vault.seal("value")
            await session.execute(text("UPDATE config_vars SET sealed = :it"), {"it": sealed})
        await backup(old, User(1, "ada", users.ADMIN), output)
    settings = Settings(data_dir=tmp_path / "b", database_url=other_url)
    settings.data_dir.mkdir()
    output.seek(0)
    done = await restore(settings, output)
    assert done.apps.left_out == ("hello",)  # no repository was made for it
    async with server.open_platform(settings) as new, new.database.read() as session:
        project = await projects.by_name(session, "hello")
        assert project is not None
        found = await session.scalars(select(DeploymentRow).order_by(DeploymentRow.id))
        states = [row.state for row in found]
        assert new.instance != old.instance
        (variable,) = await config_vars.of_project(session, None)
        assert new.vault.open(variable.sealed) == "value"
        # Keys go on signing in; sessions, and what is good for one use, do not.
        assert list(await session.scalars(select(APIKeyRow.name))) == ["ci"]
        assert await session.scalar(select(InvitationRow.id)) is None
        assert await session.scalar(select(CLILoginRow.id)) is None
    assert states == [State.RETIRED, State.CREATED]  # which the first start ends


async def test_a_database_that_is_not_empty_stays_as_it_is(
    filled: Database, url: str, tmp_path: Path
) -> None:
    output = Buffer()
    async with server.open_platform(Settings(data_dir=tmp_path / "a", database_url=url)) as old:
        await backup(old, User(1, "ada", users.ADMIN), output)
    settings = Settings(data_dir=tmp_path / "b", database_url=url)
    settings.data_dir.mkdir()
    output.seek(0)
    with pytest.raises(ConflictError, match=r"is not empty|is in use"):
        await restore(settings, output)
    assert list(settings.data_dir.iterdir()) == []
    async with filled.read() as session:
        assert await projects.by_name(session, "hello") is not None
