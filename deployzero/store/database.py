"""The way into the database: sessions to read, and transactions to write.

SQLite. Writers go one at a time through one connection of this process, which queues
fairly where SQLite's own busy handler would sleep up to 0.1 s, and begin with
BEGIN IMMEDIATE, so that no transaction fails half-way for a lock. Readers have
connections of their own and never wait for the writer (WAL).

What survives: a killed daemon loses no committed transaction in WAL, whatever
`synchronous` says, since the kernel has the data. A power cut is another matter:
there NORMAL may lose the last transactions and FULL none, at the price of an fsync a
commit (0.2 ms on a virtual disk here, some ms on others). So every write is FULL but
the batches of log lines (`durable=False`).
"""

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from deployzero.errors import DeployZeroException
from deployzero.store.driver_errors import translated, unreachable_translated

BUSY_TIMEOUT = 30.0
"""Seconds that a statement waits for another process's lock, and a task for a connection."""
READERS = 4
DURABLE = "deployzero_durable"


class Database:
    """One database; make it once, close it at the end.

    url: SQLAlchemy's, with an async driver (`Settings.database`). Opens nothing until
    the first session; the tables are made by `migrations.migrate`.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        if is_sqlite(self.url):
            self._writer = sqlite_engine(self.url, "BEGIN IMMEDIATE", connections=1)
            self._reader = sqlite_engine(self.url, "BEGIN", connections=READERS, read_only=True)
        else:
            self._writer = postgresql_engine(self.url)
            self._reader = self._writer.execution_options(postgresql_readonly=True)
        self._writes = async_sessionmaker(self._writer, expire_on_commit=False)
        self._reads = async_sessionmaker(self._reader, expire_on_commit=False)

    @asynccontextmanager
    async def begin(self, durable: bool = True) -> AsyncIterator[AsyncSession]:
        """A transaction: committed at the end of the block, undone if it raises.

        durable: on disk, not only with the kernel, when the block has ended.
        Keep the block short and free of other waits: SQLite has one writer at a time.
        Raises DeployZeroException (disk full, locked, unreachable, read-only).
        """
        with translated():
            async with self._writes() as session:
                await _connect(session, {DURABLE: durable})
                yield session
                await session.commit()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that only reads: one consistent picture on SQLite, one a query elsewhere."""
        with translated():
            async with self._reads() as session:
                await _connect(session, {})
                yield session

    async def ping(self) -> None:
        """Raise DeployZeroException unless the database answers."""
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()


async def _connect(session: AsyncSession, options: dict[str, Any]) -> None:
    with unreachable_translated():
        await session.connection(execution_options=options)


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def postgresql_engine(url: URL) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=10,
        pool_pre_ping=True,
        pool_timeout=BUSY_TIMEOUT,
        hide_parameters=True,
    )


def sqlite_engine(
    url: URL,
    begin: str,
    connections: int,
    read_only: bool = False,
    foreign_keys: bool = True,
    busy_timeout: float = BUSY_TIMEOUT,
) -> AsyncEngine:
    """An engine whose transactions start with `begin`, on a file that only its owner may read."""
    if not url.database or url.database == ":memory:":
        raise DeployZeroException(
            "the database must be a file", "Set DATABASE_URL to sqlite:////path/to/file.db."
        )
    path = Path(url.database)
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=busy_timeout,
        connect_args={"timeout": busy_timeout},
        hide_parameters=True,
    )

    def private_file(*_: object) -> None:
        make_private(path)

    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA foreign_keys={int(foreign_keys)}")
        cursor.execute(f"PRAGMA query_only={int(read_only)}")
        cursor.close()

    def start(connection: Connection) -> None:
        durable = connection.get_execution_options().get(DURABLE, True)
        if connection.info.get(DURABLE, True) != durable:
            connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            connection.info[DURABLE] = durable
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "do_connect", private_file)
    event.listen(engine.sync_engine, "connect", configure)
    event.listen(engine.sync_engine, "begin", start)
    return engine


def make_private(path: Path) -> None:
    """Create the file if needed, and take it from group and others.

    SQLite gives its -wal and -shm files the mode of the database itself. A file that is
    there is never opened: closing it would drop the locks that this process holds on it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
        elif stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise DeployZeroException(
            f"cannot open the database {path}: {error.strerror}",
            "Check DATA_DIR or DATABASE_URL, and who owns the folder.",
        ) from error
