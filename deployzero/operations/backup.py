"""Everything that this server knows, as one archive, written while it runs."""

import asyncio
import datetime as dt
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import IOBase
from pathlib import Path
from typing import IO, Any, TypeVar, TypeVarTuple

from sqlalchemy import make_url

from deployzero import __version__
from deployzero.deploy.platform import Platform
from deployzero.errors import ResourceLimitError, SourceError
from deployzero.models.deployment import User
from deployzero.operations.access import require_admin
from deployzero.operations.backup_archive import (
    FORMAT,
    HOST_KEY,
    MANIFEST,
    SECRET_KEY,
    ArchiveWriter,
)
from deployzero.settings import parse_bytes
from deployzero.source import bundle
from deployzero.source.channel import Writer
from deployzero.store import projects
from deployzero.store.dump import App, Dump, dump

T = TypeVar("T")
A = TypeVarTuple("A")
PULSE = 1.0
"""Seconds between two looks at whether somebody still listens."""


@dataclass(frozen=True, slots=True)
class Backup:
    bytes: int
    rows: int
    repositories: int
    failures: tuple[str, ...]
    """Why a repository is not in the archive, a line each."""


async def backup(platform: Platform, user: User, output: Writer, with_keys: bool = True) -> Backup:
    """Write the archive to `output`. Admins only.

    The database is one consistent picture, taken before the first byte; repositories come
    after it and so have every commit that it names. Spooled files have no name, so that none
    outlives this process. Raises ResourceLimitError for a full disk; what `output` raises
    when nobody listens any more ends it within a second.
    """
    require_admin(user)
    made_at = dt.datetime.now(dt.UTC)
    with _worker(output) as work:
        snapshot = await work.run(_dump, platform, work.stop)
        try:
            archive = ArchiveWriter(output, work.pool, int(made_at.timestamp()))
            keys = await work.run(_keys, platform.settings.data_dir) if with_keys else {}
            await archive.add_json(MANIFEST, _manifest(platform, snapshot, made_at, with_keys))
            for name, key in keys.items():
                await archive.add(name, key)
            for table, file in snapshot.files.items():
                await archive.add_file(f"database/{table}.jsonl.gz", file)
        finally:
            snapshot.close()
        failures = []
        written = 0
        for app in snapshot.apps:
            try:
                written += await _add_repository(platform, archive, work, app)
            except SourceError as error:
                failures.append(f"{app.name}: {error.message}. {error.hint}")
        await archive.end()
    return Backup(archive.total, sum(snapshot.tables.values()), written, tuple(failures))


def _manifest(
    platform: Platform, snapshot: Dump, made_at: dt.datetime, with_keys: bool
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "deployzero": __version__,
        "schema": snapshot.revision,
        "made_at": made_at.isoformat(),
        "instance": platform.instance,
        "domain": platform.settings.domain,
        "keys": with_keys,
        "tables": snapshot.tables,
        "sequences": snapshot.sequences,
        "apps": len(snapshot.apps),
    }


def _keys(folder: Path) -> dict[str, bytes]:
    """Member to content. A server that never listened has no host key."""
    keys = {SECRET_KEY: (folder / "secret.key").read_bytes()}
    if (folder / "host_key").is_file():
        keys[HOST_KEY] = (folder / "host_key").read_bytes()
    return keys


async def _add_repository(
    platform: Platform, archive: ArchiveWriter, work: "_Worker", app: App
) -> int:
    """1: it is in the archive; 0: it has no commit, or was destroyed meanwhile."""
    async with platform.database.read() as session:
        project = await projects.by_id(session, app.project_id)
    if project is None:
        return 0
    # It may be renamed just now, or have been since the database was read.
    names = [name for name in (project.name, project.previous_name) if name]
    there = [name for name in names if platform.repositories.path(name).is_dir()]
    name = (there or names)[0]
    await work.run(_check_disk, platform, platform.repositories.path(name))
    file = await work.run(_spool, platform.settings.data_dir)
    try:
        commits = [app.commit] if app.commit else []
        packed = await work.run(
            bundle.write_bundle,
            platform.repositories,
            name,
            commits,
            file,
            work.stop,
        )
        if packed:
            await archive.add_file(f"repositories/{app.name}.bundle", file)
        elif app.commit:
            raise SourceError("its repository is gone", "Push it again.")
    finally:
        file.close()
    return int(packed)


def _spool(folder: Path) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=folder)


def _check_disk(platform: Platform, source: Path) -> None:
    """What is spooled is smaller than its source, and must not take the server's last space."""
    files = source.glob("objects/pack/*.pack") if source.is_dir() else [source]
    size = sum(_size(file) for file in files)
    free = shutil.disk_usage(platform.settings.data_dir).free
    wanted = parse_bytes(platform.settings.min_free_disk) + size
    if free < wanted:
        raise ResourceLimitError(
            f"the server's disk is too full for a backup: {free >> 20} MB free, "
            f"{wanted >> 20} MB needed",
            "Free some space on the server (`deployzero doctor` shows where).",
        )


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # a repack took it away, or the database is elsewhere
        return 0


def _dump(platform: Platform, stop: threading.Event) -> Dump:
    """In a thread with a loop of its own: a large database would hold the server's for long."""
    settings = platform.settings
    _check_disk(platform, settings.data_dir / (make_url(settings.database).database or ""))
    return asyncio.run(dump(settings.database, settings.data_dir, stop))


@dataclass(frozen=True, slots=True)
class _Worker:
    """One thread for what blocks."""

    output: Writer
    pool: ThreadPoolExecutor
    stop: threading.Event

    async def run(self, function: Callable[[*A], T], *arguments: *A) -> T:
        """Its result. When the client goes away, or this is cancelled, it is told to stop,
        and waited for: what it works with may be closed then."""
        work = asyncio.get_running_loop().run_in_executor(self.pool, function, *arguments)
        try:
            while not (await asyncio.wait({work}, timeout=PULSE))[0]:
                await self.output.drain()  # raises when the client has gone
        except BaseException:
            self.stop.set()
            await asyncio.wait({work})
            if not work.cancelled() and work.exception() is None:
                _close(work.result())
            raise
        try:
            return work.result()
        except OSError as error:
            raise ResourceLimitError(
                f"the backup cannot be spooled: {error.strerror or error}",
                "Look at the server's free disk space: df -h; deployzero doctor",
            ) from error


def _close(result: object) -> None:
    if isinstance(result, (Dump, IOBase)):
        result.close()


@contextmanager
def _worker(output: Writer) -> Iterator[_Worker]:
    pool = ThreadPoolExecutor(1, thread_name_prefix="backup")
    try:
        yield _Worker(output, pool, threading.Event())
    finally:
        pool.shutdown(wait=False)
