"""Errors of the database drivers, translated once into what a person can act on."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.errors import ConflictError, DeployZeroException

DISK_FULL = (
    "the disk of the database is full",
    "Free some space there; `deployzero doctor` shows how much is left.",
)
DISK_BROKEN = (
    "the disk of the database fails",
    "Look for free space and for errors in the kernel's log (`dmesg`).",
)
LOCKED = (
    "the database is busy",
    "Another program holds a lock on it: end it, or try again.",
)
READ_ONLY = (
    "the database cannot be written",
    "Check who owns the file and its folder, and that the disk is not mounted read-only.",
)
BROKEN = (
    "the database is damaged or not a database",
    "Restore it from a backup, or move it away to start afresh.",
)
UNREACHABLE = (
    "the database cannot be opened",
    "Check DATABASE_URL, and that the server runs (or that the folder exists).",
)

SQLITE = {
    sqlite3.SQLITE_FULL: DISK_FULL,
    sqlite3.SQLITE_IOERR: DISK_BROKEN,
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: READ_ONLY,
    sqlite3.SQLITE_CORRUPT: BROKEN,
    sqlite3.SQLITE_NOTADB: BROKEN,
    sqlite3.SQLITE_CANTOPEN: UNREACHABLE,
}
POSTGRESQL = {  # by SQLSTATE class or code
    "53100": DISK_FULL,
    "55P03": LOCKED,
    "25006": READ_ONLY,
    "08": UNREACHABLE,
    "28": UNREACHABLE,
    "3D": UNREACHABLE,
    "57P": UNREACHABLE,
    "53300": UNREACHABLE,
}


@contextmanager
def translated() -> Iterator[None]:
    """Raise DeployZeroException for what the operator can mend; let the rest, a bug, through."""
    try:
        yield
    except PoolTimeoutError as error:
        raise DeployZeroException(*LOCKED) from error
    except DBAPIError as error:
        for cause in _chain(error):
            if known := _known(cause.orig):
                raise DeployZeroException(*known, [_one_line(cause.orig)]) from error
        raise


@contextmanager
def unreachable_translated() -> Iterator[None]:
    """The same for opening a connection, where drivers also raise plain OSErrors."""
    try:
        with translated():
            yield
    except OSError as error:
        raise DeployZeroException(*UNREACHABLE, [_one_line(error)]) from error


@asynccontextmanager
async def unique(session: AsyncSession, message: str, hint: str = "") -> AsyncIterator[None]:
    """Raise ConflictError if what is written inside is taken already.

    The transaction stays usable: a savepoint undoes what the body did.
    """
    try:
        async with session.begin_nested():
            yield
    except IntegrityError as error:
        if not _is_unique_violation(error):
            raise
        raise ConflictError(message, hint) from error


def _is_unique_violation(error: IntegrityError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode in (
            sqlite3.SQLITE_CONSTRAINT_UNIQUE,
            sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        )
    return getattr(error.orig, "sqlstate", None) == "23505"


def _chain(error: DBAPIError) -> Iterator[DBAPIError]:
    """The error and those that it hides: a full disk undoes a transaction with its savepoints,
    and what is seen is that the savepoint is missing."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, DBAPIError):
            yield cause
        cause = cause.__context__


def _known(error: BaseException | None) -> tuple[str, str] | None:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        return SQLITE.get(code & 0xFF)  # the low byte is the primary code
    state = str(getattr(error, "sqlstate", None) or "")
    return next((known for code, known in POSTGRESQL.items() if state.startswith(code)), None)


def _one_line(error: BaseException | None) -> str:
    return " ".join(str(error).split())
