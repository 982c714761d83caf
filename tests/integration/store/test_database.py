"""Transactions hold, also when tasks are cancelled, processes killed and disks full."""

import asyncio
import os
import sqlite3
import stat
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from deployzero.errors import DeployZeroException
from deployzero.models.deployment import Project, User
from deployzero.store import instance, projects, users
from deployzero.store.database import Database
from deployzero.store.migrations import migrate

WRITER = """
import asyncio, sys
from deployzero.store import users
from deployzero.store.database import Database
async def main():
    database = Database(sys.argv[1])
    for number in range(100000):
        async with database.begin(durable=number % 2 == 0) as session:
            await users.create(session, f"user{number}")
        print(number, flush=True)
asyncio.run(main())
"""


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "deployzero.db"


async def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.begin() as session:
            await users.create(session, "ada")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.read() as session:
        assert await users.by_name(session, "ada") is None


async def test_a_reading_session_cannot_write(database: Database) -> None:
    with pytest.raises((DeployZeroException, DBAPIError)):
        async with database.read() as session:
            await users.create(session, "ada")


async def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    async with database.begin() as writing:
        await users.create(writing, "ada")
        async with asyncio.timeout(2), database.read() as reading:
            assert await users.by_name(reading, "ada") is None


async def test_writers_of_two_processes_never_meet_a_lock_error(
    url: str, database: Database, project: Project
) -> None:
    other = Database(url)

    async def count(through: Database) -> None:
        for _ in range(20):
            async with through.begin() as session:
                query = "SELECT message FROM deployments WHERE id = 1"
                if make_url(url).get_backend_name() == "postgresql":
                    query += " FOR UPDATE"  # SQLite's BEGIN IMMEDIATE does this for all
                seen = await session.scalar(text(query))
                await session.execute(
                    text("UPDATE deployments SET message = :n"), {"n": str(int(seen) + 1)}
                )

    async with database.begin() as session:
        await session.execute(
            text(
                'INSERT INTO deployments (id, project_id, user_id, state, branch, "commit",'
                " forced, message, reason, timings, created_at) VALUES"
                " (1, 1, 1, 'error', 'main', 'a', false, '0', '', '{}', '2026-01-01 00:00:00')"
            )
        )
    await asyncio.gather(*(count(through) for through in (database, other) * 5))
    async with database.read() as session:
        assert await session.scalar(text("SELECT message FROM deployments")) == "200"
    await other.close()


async def test_a_cancelled_writer_leaves_no_lock_and_no_half(database: Database) -> None:
    async def write(name: str) -> None:
        async with database.begin() as session:
            await users.create(session, f"{name}-1")
            await users.create(session, f"{name}-2")

    for number in range(40):
        task = asyncio.create_task(write(f"user{number}"))
        await asyncio.sleep(number * 0.0003)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(5), database.begin() as session:
            await users.create(session, f"after{number}")
    async with database.read() as session:
        for number in range(40):
            both = [await users.by_name(session, f"user{number}-{n}") for n in (1, 2)]
            assert (both[0] is None) == (both[1] is None)


async def test_a_killed_process_loses_nothing_it_committed(url: str, database: Database) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    committed = [int(await process.stdout.readline()) for _ in range(30)]
    process.kill()
    committed += [int(line) for line in (await process.stdout.read()).split()]
    await process.wait()
    async with database.read() as session:
        for number in committed:
            assert await users.by_name(session, f"user{number}") is not None
    async with asyncio.timeout(5), database.begin() as session:  # and left no lock
        await users.create(session, "ada")


async def test_the_instance_id_is_made_once(database: Database) -> None:
    async def ask() -> str:
        async with database.begin() as session:
            return await instance.instance_id(session)

    ids = await asyncio.gather(*(ask() for _ in range(5)))
    assert len(set(ids)) == 1
    assert len(ids[0]) == 12


async def test_the_sqlite_files_are_the_owners_alone(sqlite_file: Path) -> None:
    url = f"sqlite+aiosqlite:///{sqlite_file}"
    await migrate(url)
    os.chmod(sqlite_file, 0o644)
    database = Database(url)
    async with database.begin() as session:
        await users.create(session, "ada")
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in sqlite_file.parent.iterdir()
        }
    assert modes == {sqlite_file.name + end: 0o600 for end in ("", "-wal", "-shm")}
    await database.close()


async def test_a_full_disk_is_named_with_what_to_do(sqlite_file: Path) -> None:
    url = f"sqlite+aiosqlite:///{sqlite_file}"
    await migrate(url)
    database = Database(url)
    async with database.begin() as session:
        user = await users.create(session, "ada")
        await session.execute(text("PRAGMA max_page_count = 1"))  # never below what there is

    async def fill() -> None:
        async with database.begin() as session:
            for number in range(10_000):
                await projects.create(session, f"app{number}", user.id)

    with pytest.raises(DeployZeroException, match="disk of the database is full") as caught:
        await fill()
    assert "Free some space" in caught.value.hint
    await database.ping()
    await database.close()


async def test_what_is_no_database_is_named(sqlite_file: Path) -> None:
    sqlite_file.parent.mkdir()
    with open(sqlite_file, "w") as file:  # noqa: ASYNC230
        file.write("a plain text, long enough to be looked at" * 100)
    with pytest.raises(DeployZeroException, match="damaged or not a database"):
        await migrate(f"sqlite+aiosqlite:///{sqlite_file}")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://nobody@127.0.0.1:1/none",
        "sqlite+aiosqlite:////proc/deployzero/deployzero.db",
    ],
)
async def test_a_database_out_of_reach_is_named(url: str) -> None:
    database = Database(url)
    for attempt in (migrate(url), database.ping()):
        with pytest.raises(DeployZeroException, match="cannot") as caught:
            await attempt
        assert "DATABASE_URL" in caught.value.hint
    await database.close()


async def test_another_programs_lock_is_waited_for(sqlite_file: Path) -> None:
    url = f"sqlite+aiosqlite:///{sqlite_file}"
    await migrate(url)
    database = Database(url)
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> User:
        async with database.begin() as session:
            return await users.create(session, "ada")

    task = asyncio.create_task(write())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(task), 0.2)
    other.execute("COMMIT")
    other.close()
    started = time.monotonic()
    assert (await task).name == "ada"
    assert time.monotonic() - started < 2
    await database.close()
