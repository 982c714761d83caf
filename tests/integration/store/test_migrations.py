"""The database is brought up to date at every start, by whoever starts first."""

import asyncio
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from deployzero.errors import DeployZeroException
from deployzero.store.database import Database
from deployzero.store.migrations import migrate
from deployzero.store.tables import Base

MIGRATE = """
import asyncio, sys
from deployzero.store.migrations import migrate
sys.stdin.readline()
asyncio.run(migrate(sys.argv[1]))
"""


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, Base.metadata)


async def test_tables_and_migrations_agree(url: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()


async def test_the_comparison_notices_a_missing_column(url: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("ALTER TABLE users DROP COLUMN role"))
            assert await connection.run_sync(differences) != []
    finally:
        await engine.dispose()


async def test_processes_that_start_at_once_migrate_one_after_the_other(empty_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATE, empty_url,
            stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
    ends = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0], ends


async def test_a_second_start_changes_nothing(url: str, database: Database) -> None:
    await migrate(url)
    await database.ping()


async def test_the_database_of_a_newer_version_is_refused(url: str, database: Database) -> None:
    async with database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DeployZeroException, match="newer deployzero") as caught:
        await migrate(url)
    assert caught.value.hint
