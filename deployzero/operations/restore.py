"""A backup back into a data folder and an empty database: all of it, or nothing."""

import contextlib
import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from sqlalchemy import URL, Connection, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection

from deployzero.deploy.vault import vault_of
from deployzero.errors import (
    ConflictError,
    ResourceLimitError,
    SettingsError,
    SourceError,
    UsageError,
)
from deployzero.operations.backup_archive import (
    HOST_KEY,
    REPOSITORY,
    SECRET_KEY,
    TABLE,
    ArchiveReader,
    Manifest,
    Member,
    Stream,
    damaged,
)
from deployzero.settings import Settings
from deployzero.source.bundle import read_bundle
from deployzero.source.channel import ClientGoneError
from deployzero.source.repository import Repositories
from deployzero.store import dump, relocation
from deployzero.store.database import is_sqlite, postgresql_engine, sqlite_engine
from deployzero.store.driver_errors import translated, unreachable_translated
from deployzero.store.migrations import ADVISORY_LOCK, check_foreign_keys, upgrade
from deployzero.store.relocation import Relocated

DRAFT = "restoring"
"""Everything lies in this folder until all of it is there."""
PARTS = ("repositories", "host_key", "secret.key")
KEYS = {SECRET_KEY: "secret.key", HOST_KEY: "host_key"}
KEY_BYTES = 32
LARGEST_KEY = 1 << 16


@dataclass(frozen=True, slots=True)
class Restored:
    manifest: Manifest
    apps: Relocated


async def restore(
    settings: Settings,
    archive: IO[bytes],
    secret_key: bytes | None = None,
    without_secrets: bool = False,
) -> Restored:
    """Make this server what the archive says. Nothing may run on the data folder: hold its lock.

    secret_key: for an archive without keys. without_secrets: drop all config variables
    instead. Raises DeployZeroException, with folder and database as they were: one of them
    is in use, the archive is damaged, cut short or a newer version's, the key is missing or
    does not fit, the disk is full.
    """
    url = make_url(settings.database)
    _check_free(settings.data_dir, url)
    draft = settings.data_dir / DRAFT
    shutil.rmtree(draft, ignore_errors=True)  # of a restore that was killed
    draft.mkdir(mode=0o700)
    try:
        with _failures():
            reader = ArchiveReader(archive)
            _place_key(draft, reader.manifest, secret_key, without_secrets)
            moves = [(draft / name, settings.data_dir / name) for name in PARTS]
            async with _committed(url, moves) as connection:
                apps = await _load(connection, reader, draft, without_secrets)
        return Restored(reader.manifest, apps)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check_free(folder: Path, url: URL) -> None:
    found = [name for name in PARTS if _is_there(folder / name)]
    if is_sqlite(url) and Path(url.database or "").exists():
        found.append(url.database or "")
    if found:
        raise ConflictError(
            f"{folder} is in use: {', '.join(found)}",
            "A backup is restored before the first `deployzero up`. Move the folder away "
            f"(mv {folder} {folder}.old), or set DEPLOYZERO_DATA_DIR to another.",
        )


def _is_there(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _place_key(
    draft: Path, manifest: Manifest, secret_key: bytes | None, without_secrets: bool
) -> None:
    if secret_key is not None:
        if len(secret_key) != KEY_BYTES:
            raise UsageError(
                f"this is no secret.key: it has {len(secret_key)} bytes instead of {KEY_BYTES}",
                "Give the file secret.key of the old server's data folder.",
            )
        _keep_key(draft / "secret.key", secret_key)
    elif not manifest.keys and not without_secrets:
        raise UsageError(
            "the backup has no keys, and its config variables cannot be read without",
            "Give the old server's file with --secret-key FILE; if it is lost, "
            "--without-secrets restores everything but the variables.",
        )


def _keep_key(path: Path, key: bytes) -> None:
    """The first one counts: what was given by hand."""
    if path.exists():
        return
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())


async def _load(
    connection: AsyncConnection, reader: ArchiveReader, draft: Path, without_secrets: bool
) -> Relocated:
    manifest = reader.manifest
    await connection.run_sync(_make_tables, manifest.schema)
    tables = await connection.run_sync(dump.tables_of)
    loaded: dict[str, int] = {}
    commits: dict[str, set[str]] = {}
    with contextlib.closing(Repositories(draft / "repositories")) as repositories:
        for member in reader.members():
            if member.name in KEYS:
                _keep_key(draft / KEYS[member.name], member.read(LARGEST_KEY))
            elif (found := TABLE.fullmatch(member.name)) and found[1] in tables:
                with gzip.open(cast(IO[bytes], member)) as lines:
                    count = await connection.run_sync(dump.load, tables[found[1]], lines)
                loaded[found[1]] = count
            elif found := REPOSITORY.fullmatch(member.name):
                commits[found[1]] = await _unbundle(repositories, found[1], member)
            else:
                raise damaged(f"{member.name!r} does not belong there")
    if loaded != manifest.tables:
        raise damaged("rows are missing")
    key = draft / "secret.key"
    if not without_secrets and not key.is_file():
        raise damaged("its secret.key is missing")
    secret_key = key.read_bytes() if key.is_file() else None
    return await connection.run_sync(_finish, manifest, commits, secret_key, without_secrets)


def _make_tables(connection: Connection, revision: str) -> None:
    if not dump.is_empty(connection):
        raise ConflictError(
            "the database is not empty",
            "A backup is restored into an empty database: make a new one, and name it in "
            "DEPLOYZERO_DATABASE_URL.",
        )
    upgrade(connection, revision)


async def _unbundle(repositories: Repositories, app: str, member: Member) -> set[str]:
    try:
        return set(await read_bundle(repositories, app, Stream(member), member.size))
    except SourceError as error:
        raise damaged(f"the repository of {app}: {error.message}") from error


def _finish(
    connection: Connection,
    manifest: Manifest,
    commits: dict[str, set[str]],
    secret_key: bytes | None,
    without_secrets: bool,
) -> Relocated:
    """What the loaded tables need on this machine, under this version."""
    upgrade(connection)
    dump.set_sequences(connection, manifest.sequences)
    sealed = relocation.some_sealed(connection)
    if without_secrets:
        _check_lost(secret_key, sealed)
        relocation.drop_secrets(connection)
    elif secret_key is not None and sealed is not None:
        _try_key(secret_key, sealed)
    apps = relocation.relocate(connection, commits, f"the backup of {manifest.made}")
    check_foreign_keys(connection)
    return apps


def _try_key(secret_key: bytes, sealed: str) -> None:
    try:
        vault_of(secret_key).open(sealed)
    except SettingsError as error:
        raise UsageError(
            "this secret.key is not the one that the backup's variables were sealed with",
            "Give the old server's, as it was at the time of the backup, with --secret-key FILE; "
            "or --without-secrets restores everything but the variables.",
        ) from error


def _check_lost(secret_key: bytes | None, sealed: str | None) -> None:
    """Raises UsageError for variables that the archive's own key opens: nobody must lose them."""
    if secret_key is None or sealed is None:
        return
    with contextlib.suppress(SettingsError):
        vault_of(secret_key).open(sealed)
        raise UsageError(
            "the backup has the key to its variables: --without-secrets would drop them",
            "Restore it without that option; `config:clear` drops an app's variables then.",
        )


@asynccontextmanager
async def _committed(
    url: URL, moves: Sequence[tuple[Path, Path]]
) -> AsyncIterator[AsyncConnection]:
    """One transaction; at the end of the block the files move in and the database counts."""
    with contextlib.ExitStack() as stack:
        if is_sqlite(url):
            target = Path(url.database or "")
            draft = target.with_name(f"{target.name}.{DRAFT}")
            stack.callback(_remove_database, draft)
            _remove_database(draft)
            async with _transaction(url.set(database=str(draft))) as connection:
                yield connection
            stack.enter_context(_moved([*moves, (draft, target)]))
        else:
            async with _transaction(url) as connection:
                yield connection
                stack.enter_context(_moved(moves))  # moved back if the commit fails


@asynccontextmanager
async def _transaction(url: URL) -> AsyncIterator[AsyncConnection]:
    if is_sqlite(url):
        engine = sqlite_engine(url, "BEGIN IMMEDIATE", 1, foreign_keys=False)
    else:
        engine = postgresql_engine(url)
    try:
        connection = engine.connect()
        with unreachable_translated():
            await connection.start()
        with translated():
            async with contextlib.aclosing(connection), connection.begin():
                if not is_sqlite(url):
                    lock = text("SELECT pg_advisory_xact_lock(:lock)")
                    await connection.execute(lock, {"lock": ADVISORY_LOCK})
                yield connection
    finally:
        await engine.dispose()


def _remove_database(file: Path) -> None:
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)


@contextmanager
def _moved(moves: Sequence[tuple[Path, Path]]) -> Iterator[None]:
    """Rename what there is; all back if one fails, or the block raises."""
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            if source.exists():
                source.rename(target)
                done.append((source, target))
        yield
    except BaseException:
        for source, target in reversed(done):
            target.rename(source)
        raise


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ClientGoneError) as error:
        raise damaged("it ends early, or was changed") from error
    except OSError as error:
        raise ResourceLimitError(
            f"cannot restore: {error.strerror or error}",
            "Nothing was changed. Look at the free disk space: df -h",
        ) from error
