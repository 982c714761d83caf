"""All tables as lines of JSON, the same from SQLite and PostgreSQL, and back into either."""

import base64
import contextlib
import datetime as dt
import gzip
import json
import tempfile
import threading
from collections.abc import Iterable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from sqlalchemy import (
    JSON,
    DateTime,
    LargeBinary,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from deployzero.errors import DeployZeroException
from deployzero.store.database import is_sqlite, postgresql_engine, sqlite_engine
from deployzero.store.driver_errors import translated, unreachable_translated
from deployzero.store.tables import Base, DeploymentRow, ProjectRow

ROWS_AT_ONCE = 20
"""Read into memory; one row may hold a log of some megabytes."""
BATCH = 1 << 20
"""Bytes of JSON that are written into a database with one statement."""
COMPRESSION = 1
"""A level more costs twice the time and saves a tenth."""
VERSION_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True)
class App:
    project_id: int
    name: str
    commit: str | None
    """Of its newest release; None: it has none."""


@dataclass(slots=True)
class Dump:
    """One consistent picture of the database. Close it: the files have no name and go then."""

    revision: str
    """Of its tables, as Alembic names it."""
    tables: dict[str, int] = field(default_factory=dict)
    """Name to number of rows, a table before those that refer to it."""
    sequences: dict[str, int] = field(default_factory=dict)
    """Table to the highest id that was ever given, of a row that may be gone."""
    apps: list[App] = field(default_factory=list)
    files: dict[str, IO[bytes]] = field(default_factory=dict, repr=False)
    """Table to its rows: gzipped lines, an object with the columns' names each."""

    def close(self) -> None:
        for file in self.files.values():
            file.close()


async def dump(database_url: str, folder: Path, stop: threading.Event) -> Dump:
    """Write every table into a nameless file of `folder`, from one snapshot.

    Holds its own connection and, between rows, the caller's event loop: run it in a loop of
    its own thread. Raises CancelledError soon after `stop` is set, OSError for a full disk,
    DeployZeroException for the database.
    """
    engine = _snapshot_engine(database_url)
    made: Dump | None = None
    try:
        connection = engine.connect()
        with unreachable_translated():
            await connection.start()
        with translated():
            async with contextlib.aclosing(connection):
                made = Dump(await _revision(connection))
                for table in Base.metadata.sorted_tables:
                    file = made.files[table.name] = _spool(folder)
                    made.tables[table.name] = await _write(connection, table, file, stop)
                made.apps = await _apps(connection)
                made.sequences = await connection.run_sync(_sequences)
        return made
    except BaseException:
        if made is not None:
            made.close()
        raise
    finally:
        await engine.dispose()


def _spool(folder: Path) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=folder)


def _snapshot_engine(url: str) -> AsyncEngine:
    parsed = make_url(url)
    if is_sqlite(parsed):  # a read transaction there is a snapshot by itself
        return sqlite_engine(parsed, "BEGIN", connections=1, read_only=True)
    return postgresql_engine(parsed).execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )


async def _revision(connection: AsyncConnection) -> str:
    found = await connection.execute(text("SELECT version_num FROM alembic_version"))
    return str(found.scalar_one())


async def _apps(connection: AsyncConnection) -> list[App]:
    """By name."""
    newest = (
        select(DeploymentRow.project_id, func.max(DeploymentRow.release).label("release"))
        .group_by(DeploymentRow.project_id)
        .subquery()
    )
    commits = await connection.execute(
        select(DeploymentRow.project_id, DeploymentRow.commit).join(
            newest,
            (newest.c.project_id == DeploymentRow.project_id)
            & (newest.c.release == DeploymentRow.release),
        )
    )
    of = {each.project_id: each.commit for each in commits}
    named = await connection.execute(
        select(ProjectRow.id, ProjectRow.name).order_by(ProjectRow.name)
    )
    return [App(project_id, name, of.get(project_id)) for project_id, name in named]


async def _write(
    connection: AsyncConnection, table: Table, file: IO[bytes], stop: threading.Event
) -> int:
    """Returns the number of rows."""
    count = 0
    query = select(table).order_by(*table.primary_key.columns)
    options = {"yield_per": ROWS_AT_ONCE}
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=COMPRESSION, mtime=0) as packed:
        async with connection.stream(query, execution_options=options) as rows:
            async for row in rows.mappings():
                packed.write(json.dumps(dict(row), default=_plain).encode() + b"\n")
                count += 1
                if stop.is_set():
                    raise CancelledError
    file.flush()
    return count


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} cannot be dumped")


def _sequences(connection: Connection) -> dict[str, int]:
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
        return {str(row[0]): int(row[1]) for row in rows if row[0] in Base.metadata.tables}
    found = {}
    for table in Base.metadata.tables.values():
        if name := _sequence_of(connection, table):
            last = connection.exec_driver_sql(
                f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {name}"  # noqa: S608
            )
            found[table.name] = int(last.scalar_one())
    return found


def _sequence_of(connection: Connection, table: Table) -> str | None:
    """PostgreSQL's name of what gives a table its ids, quoted."""
    if "id" not in table.columns:
        return None
    query = select(func.pg_get_serial_sequence(f'"{table.name}"', "id"))
    return cast("str | None", connection.scalar(query))


# Loading. All of it works on the tables as they are in the database, which may be those of
# an older revision than this version's.


def is_empty(connection: Connection) -> bool:
    return not inspect(connection).get_table_names()


def tables_of(connection: Connection) -> dict[str, Table]:
    """Every table, one before those that refer to it."""
    metadata = MetaData()
    metadata.reflect(connection)
    tables = [table for table in metadata.sorted_tables if table.name != VERSION_TABLE]
    for table in tables:
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type = JSON(none_as_null=True)
    return {table.name: table for table in tables}


def load(connection: Connection, table: Table, lines: Iterable[bytes]) -> int:
    """Insert dumped rows; returns how many. Raises DeployZeroException when they do not fit."""
    count, size = 0, 0
    batch: list[dict[str, Any]] = []
    for line in lines:
        batch.append(_row(table, line, connection.dialect.name))
        size += len(line)
        if size >= BATCH:
            _insert(connection, table, batch)
            count, size, batch = count + len(batch), 0, []
    _insert(connection, table, batch)
    return count + len(batch)


def _row(table: Table, line: bytes, dialect: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        if row.keys() != set(table.columns.keys()):
            raise ValueError("other columns than the table's")
        return {
            column.name: _value(row[column.name], column.type, dialect) for column in table.columns
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise DeployZeroException(
            f"the dump of the table {table.name} is damaged: {error}", "Take another backup."
        ) from error


def _value(value: Any, type_: object, dialect: str) -> Any:
    if value is None:
        return None
    if isinstance(type_, DateTime):
        moment = dt.datetime.fromisoformat(value).astimezone(dt.UTC)
        return moment.replace(tzinfo=None) if dialect == "sqlite" else moment
    if isinstance(type_, LargeBinary):
        return base64.b64decode(value)
    if isinstance(value, str) and dialect == "postgresql":
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")  # it stores no NUL
    return value


def _insert(connection: Connection, table: Table, batch: list[dict[str, Any]]) -> None:
    if batch:
        with translated():
            connection.execute(insert(table), batch)


def set_sequences(connection: Connection, sequences: dict[str, int]) -> None:
    """Let no id be given that was given before, by the dumped database or this one."""
    for table in tables_of(connection).values():
        last = sequences.get(table.name, 0)
        if connection.dialect.name == "sqlite":
            _set_sqlite(connection, table.name, last)
        elif name := _sequence_of(connection, table):
            newest = connection.scalar(select(func.max(table.c.id))) or 0
            last = max(last, newest)
            if last:
                connection.execute(select(func.setval(name, last)))


def _set_sqlite(connection: Connection, table: str, last: int) -> None:
    """SQLite itself has put the highest id of the rows there, if the table keeps count."""
    updated = connection.execute(
        text("UPDATE sqlite_sequence SET seq = max(seq, :last) WHERE name = :table"),
        {"last": last, "table": table},
    )
    if not updated.rowcount and last:
        connection.execute(
            text(
                "INSERT INTO sqlite_sequence (name, seq) SELECT name, :last FROM sqlite_master"
                " WHERE name = :table AND sql LIKE '%AUTOINCREMENT%'"
            ),
            {"last": last, "table": table},
        )
