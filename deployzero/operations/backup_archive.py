"""The archive of a backup: a tar file whose members come in an order that restore can stream."""

import asyncio
import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import IO, Any

from deployzero.errors import ConflictError, UsageError
from deployzero.models.names import APP_NAME
from deployzero.source.channel import Writer

FORMAT = 1
MANIFEST = "manifest.json"
SECRET_KEY = "keys/secret.key"  # noqa: S105 - a name
HOST_KEY = "keys/host_key"
CHECKSUMS = "checksums.json"
"""The last member: without it an archive is cut short."""
TABLE = re.compile(r"database/([a-z_]{1,64})\.jsonl\.gz")
REPOSITORY = re.compile(rf"repositories/({APP_NAME.pattern})\.bundle")
CHUNK = 1 << 18
BLOCK = tarfile.BLOCKSIZE


class ArchiveWriter:
    """Writes members one after the other, as fast as `output` takes them."""

    def __init__(self, output: Writer, pool: Executor, mtime: int) -> None:
        self._output = output
        self._pool = pool
        self._mtime = mtime
        self._checksums: dict[str, str] = {}
        self.total = 0
        """Bytes written so far."""

    async def add(self, name: str, data: bytes) -> None:
        self._checksums[name] = hashlib.sha256(data).hexdigest()
        await self._begin(name, len(data))
        await self._send(data)
        await self._pad(len(data))

    async def add_json(self, name: str, value: Mapping[str, Any]) -> None:
        await self.add(name, json.dumps(value, indent=1).encode() + b"\n")

    async def add_file(self, name: str, file: IO[bytes]) -> None:
        """All of an open file, which is read in the pool."""
        loop = asyncio.get_running_loop()
        size = await loop.run_in_executor(self._pool, file.seek, 0, 2)
        await loop.run_in_executor(self._pool, file.seek, 0)
        digest = hashlib.sha256()
        await self._begin(name, size)
        while data := await loop.run_in_executor(self._pool, _read, file, digest.update):
            await self._send(data)
        await self._pad(size)
        self._checksums[name] = digest.hexdigest()

    async def end(self) -> None:
        await self.add_json(CHECKSUMS, {"sha256": dict(self._checksums)})
        await self._send(bytes(2 * BLOCK))

    async def _begin(self, name: str, size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = size, self._mtime, 0o600
        await self._send(member.tobuf(tarfile.GNU_FORMAT))

    async def _pad(self, size: int) -> None:
        await self._send(bytes(-size % BLOCK))

    async def _send(self, data: bytes) -> None:
        self._output.write(data)
        self.total += len(data)
        await self._output.drain()


def _read(file: IO[bytes], update: Callable[[bytes], None]) -> bytes:
    data = file.read(CHUNK)
    update(data)
    return data


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself."""

    deployzero: str
    """The version that wrote it."""
    schema: str
    """Alembic's revision of its tables."""
    made_at: str
    """ISO 8601, in UTC."""
    instance: str
    keys: bool
    """secret.key is in it."""
    tables: dict[str, int]
    """Name to number of rows."""
    sequences: dict[str, int]
    """Table to the highest id that was ever given."""

    @property
    def made(self) -> str:
        """For people: `2026-11-23 04:00`."""
        return self.made_at[:16].replace("T", " ")


class Member(io.RawIOBase):
    """One member's content, as it is read. For `read_bundle` too, which awaits."""

    def __init__(self, name: str, size: int, file: IO[bytes]) -> None:
        super().__init__()
        self.name = name
        self.size = size
        self._file = file
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        self._digest.update(data)
        buffer[: len(data)] = data
        return len(data)

    def checksum(self) -> str:
        """Of all of it: what was not read yet is read now."""
        while self.read(CHUNK):
            pass
        return self._digest.hexdigest()


class Stream:
    """A member for who awaits its reads."""

    def __init__(self, member: Member) -> None:
        self._file = io.BufferedReader(member, CHUNK)

    async def read(self, n: int, /) -> bytes:
        return self._file.read(n)

    async def readexactly(self, n: int, /) -> bytes:
        data = self._file.read(n)
        if len(data) < n:
            raise asyncio.IncompleteReadError(data, n)
        return data

    async def readline(self) -> bytes:
        return self._file.readline()


class ArchiveReader:
    """Reads an archive from its first byte to its last, once. Nothing is ever unpacked by name.

    Raises DeployZeroException for what is no archive, damaged, or made by a newer version.
    """

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._tar = tarfile.open(fileobj=file, mode="r|*")  # noqa: SIM115 - read by `members`
            first = self._tar.next()
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise _no_backup() from error
        if first is None or first.name != MANIFEST:
            raise _no_backup()
        member = self._member(first)
        self.manifest = _manifest(member.read())
        self._checksums = {MANIFEST: member.checksum()}

    def members(self) -> Iterator[Member]:
        """Those after the manifest. Ends only when all of the archive was seen and is sound."""
        while (found := self._tar.next()) is not None:
            if found.name in self._checksums:
                raise damaged(f"{found.name} is in it twice")
            member = self._member(found)
            if found.name == CHECKSUMS:
                self._check(member.read())
                return
            yield member
            self._checksums[found.name] = member.checksum()
        raise damaged("it ends early")

    def _member(self, found: tarfile.TarInfo) -> Member:
        file = self._tar.extractfile(found)
        if file is None or not found.isreg():
            raise damaged(f"{found.name!r} is no file")
        return Member(found.name, found.size, file)

    def _check(self, stored: bytes) -> None:
        try:
            wanted = json.loads(stored)["sha256"]
        except (ValueError, KeyError, TypeError):
            wanted = {}
        for name in sorted({*wanted, *self._checksums}):
            if wanted.get(name) != self._checksums.get(name):
                raise damaged(f"{name} is not what it was")


def _manifest(data: bytes) -> Manifest:
    try:
        stored = json.loads(data)
        format_ = int(stored["format"])
        if format_ > FORMAT:
            raise ConflictError(
                f"the backup was made by a newer deployzero ({stored.get('deployzero')})",
                "Install that version, then restore.",
            )
        return Manifest(**{name: stored[name] for name in Manifest.__slots__})
    except (ValueError, KeyError, TypeError) as error:
        raise damaged("its manifest cannot be read") from error


def damaged(how: str) -> ConflictError:
    return ConflictError(
        f"the backup is damaged: {how}", "Nothing was changed. Take another backup of yours."
    )


def _no_backup() -> UsageError:
    return UsageError(
        "this is not a backup of deployzero", "Give the file that `ssh … backup` wrote."
    )
