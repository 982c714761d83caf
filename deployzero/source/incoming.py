"""Quarantine for a pack: nothing is in the repository before all of it is known to be there."""

import asyncio
import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from dulwich.errors import ChecksumMismatch, ObjectFormatException
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Commit, ObjectID, Tag, Tree

from deployzero.errors import SourceError
from deployzero.source.repository import INCOMING


@dataclass(frozen=True, slots=True)
class Incoming:
    """Objects of one push, in a folder of their own that sees the repository's."""

    path: Path
    repository: Path

    @property
    def objects(self) -> Path:
        return self.repository / "objects"

    def open(self) -> DiskObjectStore:
        return DiskObjectStore(str(self.path))

    def admit(self) -> None:
        """Move the pack into the repository. An index without its pack is never seen."""
        packs = sorted((self.path / "pack").glob("pack-*"), key=lambda p: p.suffix == ".idx")
        for file in packs:
            _sync(file)
            target = self.objects / "pack" / file.name
            if not target.exists():
                file.rename(target)


@contextlib.asynccontextmanager
async def incoming(repository: Path, pool: Executor) -> AsyncIterator[Incoming]:
    """A quarantine that is gone at the end, whatever happened."""
    loop = asyncio.get_running_loop()
    making = loop.run_in_executor(pool, _make, repository)
    try:
        path = await asyncio.shield(making)
        yield Incoming(path, repository)
    finally:
        made = await making
        await loop.run_in_executor(pool, lambda: shutil.rmtree(made, ignore_errors=True))


@contextlib.contextmanager
def quarantine(repository: Path) -> Iterator[Incoming]:
    """The same for one who may block."""
    path = _make(repository)
    try:
        yield Incoming(path, repository)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _make(repository: Path) -> Path:
    objects = repository / "objects"
    path = Path(tempfile.mkdtemp(prefix=INCOMING, dir=objects))
    (path / "pack").mkdir()
    (path / "info").mkdir()
    (path / "info/alternates").write_text(f"{objects.resolve()}\n")
    return path


def check_connected(arrived: Incoming, tips: Iterable[str]) -> None:
    """Raise SourceError unless each tip and all that it refers to is there.

    What is in the repository already was checked when it came in.
    """
    seen: set[ObjectID] = set()
    with (
        contextlib.closing(arrived.open()) as new,
        contextlib.closing(DiskObjectStore(str(arrived.objects))) as known,
    ):
        stack = [ObjectID(tip.encode()) for tip in tips]
        while stack:
            oid = stack.pop()
            if oid in seen or oid in known:
                continue
            seen.add(oid)
            stack.extend(o for o in _references(new, oid, seen) if o not in seen)


def _references(store: DiskObjectStore, oid: ObjectID, seen: set[ObjectID]) -> list[ObjectID]:
    try:
        found = store[oid]
        if isinstance(found, Commit):
            return [found.tree, *found.parents]
        if isinstance(found, Tag):
            return [found.object[1]]
        if not isinstance(found, Tree):
            return []
        below = []
        for entry in found.iteritems():
            if entry.mode is None or entry.sha is None or entry.mode == 0o160000:
                continue
            if stat.S_ISDIR(entry.mode):
                below.append(entry.sha)
            elif entry.sha not in seen:
                # Present is enough: its content was checked when the pack was indexed.
                seen.add(entry.sha)
                if entry.sha not in store:
                    raise KeyError(entry.sha)
        return below
    except KeyError as error:
        missing = error.args[0]
        name = missing.decode() if isinstance(missing, bytes) else str(missing)
        raise SourceError(
            f"the push is incomplete: object {name[:12]} is missing",
            "Run `git fsck` in your clone. If it is a partial clone, "
            "fetch everything first: git fetch --refetch --filter=blob:limit=1g",
        ) from error
    except (ObjectFormatException, ChecksumMismatch, ValueError) as error:
        raise SourceError(
            f"object {oid.decode()[:12]} is damaged: {error}", "Run `git fsck` in your clone."
        ) from error


def _sync(file: Path) -> None:
    fd = os.open(file, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
