"""What is in a tar or zip, entry by entry: read as a stream, unfolded only into bounded pieces.

tarfile reads extended headers of any size whole and keeps every entry, so that only its
parser of one header block is used. Nothing here touches the file system.
"""

import bz2
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import IO, cast

from deployzero.errors import ArchiveError, ArchiveTooLargeError
from deployzero.source.channel import ClientGoneError
from deployzero.source.compression import Gzip, unfolded, xz
from deployzero.source.tree import LONGEST_LINK, show_path

CHUNK = 1 << 18
BLOCK = 512
"""Bytes of a tar's header and of what its contents are padded to."""
LONGEST_HEADER = 1 << 20
LONGEST_DIRECTORY = 32 << 20
"""Bytes of a zip's central directory, which zipfile reads whole."""
RATIO, RATIO_FROM = 200, 10 << 20
"""Text shrinks tenfold, a bomb a thousandfold; a small archive may hold what it likes."""
SET_ID = stat.S_ISUID | stat.S_ISGID
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""zipfile unfolds the others with no limit on what one read gives."""
FORMATS = "Send a .tar, .tar.gz, .tar.bz2, .tar.xz or .zip."
AGAIN = "Make the archive again and look whether all of it was sent."
PAX_SPARSE = b"GNU.sparse."


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may unfold to."""

    files: int = 50_000
    """And as many folders."""
    bytes: int = 2 << 30
    path: int = 1000
    depth: int = 100


class EntryKind(Enum):
    FILE = "file"
    FOLDER = "folder"
    SYMLINK = "symbolic link"
    HARDLINK = "hard link"


@dataclass(frozen=True, slots=True)
class Entry:
    path: bytes
    """As the archive has it."""
    kind: EntryKind
    executable: bool = False
    target: bytes = b""
    """Of a link."""
    size: int = 0
    content: Iterator[bytes] = field(default_factory=lambda: iter(()))
    """Of a file: `size` bytes, to be read before the next entry is asked for."""


@dataclass(slots=True)
class Budget:
    """Counts what comes out of the archive, and stops what is too much or not wanted any more."""

    limits: ArchiveLimits
    archive_bytes: int
    cancelled: Callable[[], bool]
    bytes: int = 0
    entries: int = 0

    def count(self, size: int) -> None:
        self.bytes += size
        if self.cancelled():
            raise ClientGoneError("the upload was cancelled")
        if self.bytes > self.limits.bytes:
            raise ArchiveTooLargeError(
                f"the archive unfolds to more than {self.limits.bytes >> 20} MB",
                "Leave out what the build makes or installs by itself.",
            )
        if self.bytes > max(RATIO_FROM, RATIO * self.archive_bytes):
            raise ArchiveTooLargeError(
                f"the archive unfolds to more than {RATIO} times its own size",
                "Leave out files that are all alike (empty disk images, say).",
            )

    def count_entry(self) -> None:
        self.entries += 1
        if self.entries > 2 * self.limits.files:
            raise too_many(self.limits)


def too_many(limits: ArchiveLimits) -> ArchiveTooLargeError:
    return ArchiveTooLargeError(
        f"the archive holds more than {limits.files:,} files or folders",
        "Leave out what the build makes or installs by itself (node_modules, .venv).",
    )


def read_entries(file: IO[bytes], budget: Budget) -> Iterator[Entry]:
    """The archive's entries in their order; what it is, its first bytes tell.

    Raises ArchiveError, ArchiveTooLargeError; ClientGoneError when it is cancelled.
    """
    head = file.read(BLOCK)
    file.seek(0)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_entries(file, budget)
    if head.startswith(b"\x1f\x8b"):
        return _tar_entries(unfolded(file, Gzip), budget)
    if head.startswith(b"BZh"):
        return _tar_entries(unfolded(file, bz2.BZ2Decompressor), budget)
    if head.startswith(b"\xfd7zXZ\0"):
        return _tar_entries(unfolded(file, xz), budget)
    if not head:
        raise ArchiveError("no archive came", "git:from-archive APP < app.tar.gz")
    if not _is_header(head):
        raise ArchiveError("what came is no archive", FORMATS)
    return _tar_entries(file, budget)


@contextmanager
def _damaged() -> Iterator[None]:
    """For reading alone: the writing side's errors are others."""
    try:
        yield
    except (
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
        struct.error,
        zlib.error,
        lzma.LZMAError,
        tarfile.TarError,
        zipfile.BadZipFile,
    ) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ArchiveError(f"the archive is damaged or cut off: {why[:120]}", AGAIN) from error


def _is_header(block: bytes) -> bool:
    if not block.strip(b"\0"):
        return len(block) == BLOCK
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


class _Tape:
    """A tar's bytes, read once from the front, each of them counted."""

    def __init__(self, stream: IO[bytes], budget: Budget) -> None:
        self._stream = stream
        self._budget = budget

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; b'' at the end."""
        with _damaged():
            data = self._stream.read(min(size, CHUNK))
        self._budget.count(len(data))
        return data

    def chunks(self, size: int) -> Iterator[bytes]:
        while size:
            data = self.read(size)
            if not data:
                raise ArchiveError("the archive is cut off", AGAIN)
            size -= len(data)
            yield data

    def exactly(self, size: int) -> bytes:
        return b"".join(self.chunks(size))


def _tar_entries(stream: IO[bytes], budget: Budget) -> Iterator[Entry]:
    tape = _Tape(stream, budget)
    extended: dict[bytes, bytes] = {}
    while (block := tape.exactly(BLOCK)).strip(b"\0"):
        budget.count_entry()
        with _damaged():
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if info.type in (b"x", b"X", b"g", b"L", b"K"):
            body = _extended_header(tape, info)
            if info.type in (b"x", b"X"):
                extended |= _pax_records(body)
            elif info.type != b"g":  # what holds for all entries is a comment of git's
                name = b"path" if info.type == b"L" else b"linkpath"
                extended[name] = body.rstrip(b"\0")
            continue
        if info.type == b"V":  # the volume's name
            continue
        entry, padding = _tar_entry(info, extended, tape)
        extended = {}
        yield entry
        for _ in entry.content:  # what was not wanted
            pass
        tape.exactly(padding)
    while tape.read(CHUNK):  # to the very end, where a compressed stream has its checksum
        pass


def _tar_entry(
    info: tarfile.TarInfo, extended: dict[bytes, bytes], tape: _Tape
) -> tuple[Entry, int]:
    """The entry, and the bytes that follow its content."""
    path = extended.get(b"path", info.name.encode("utf-8", "surrogateescape"))
    target = extended.get(b"linkpath", info.linkname.encode("utf-8", "surrogateescape"))
    if info.isdir():
        return Entry(path, EntryKind.FOLDER), 0
    if info.issym():
        return Entry(path, EntryKind.SYMLINK, target=target), 0
    if info.islnk():
        return Entry(path, EntryKind.HARDLINK, target=target), 0
    if info.type == tarfile.GNUTYPE_SPARSE or any(k.startswith(PAX_SPARSE) for k in extended):
        raise _refused(path, "is stored as a sparse file", "Make the archive without --sparse.")
    if info.type not in tarfile.REGULAR_TYPES:
        raise _refused(path, "is a device, a pipe or of an unknown kind", "Leave it out.")
    with _damaged():
        size = int(extended.get(b"size", info.size))
    if size < 0:
        raise ArchiveError("the archive is damaged: a negative size", AGAIN)
    _check_mode(path, info.mode)
    executable = bool(info.mode & 0o100)
    content = tape.chunks(size)
    return Entry(path, EntryKind.FILE, executable, size=size, content=content), -size % BLOCK


def _extended_header(tape: _Tape, info: tarfile.TarInfo) -> bytes:
    if not 0 <= info.size <= LONGEST_HEADER:
        raise ArchiveError("the archive is damaged: a header is too long", AGAIN)
    return tape.exactly(info.size + -info.size % BLOCK)[: info.size]


def _pax_records(body: bytes) -> dict[bytes, bytes]:
    """`<length> <name>=<value>\\n`, the length being that of the whole record (POSIX pax)."""
    records, at = {}, 0
    while body[at : at + 1] not in (b"", b"\0"):
        blank = body.find(b" ", at, at + 20)
        with _damaged():
            end = at + int(body[at:blank]) if blank > at else 0
            if not blank < end <= len(body) or body[end - 1 : end] != b"\n":
                raise ValueError("a bad extended header")
        name, _, value = body[blank + 1 : end - 1].partition(b"=")
        records[name] = value
        at = end
    return records


class _CentralDirectory:
    """The file as zipfile may see it: it reads the list of entries whole, however long it is."""

    def __init__(self, file: IO[bytes], limits: ArchiveLimits) -> None:
        self._file = file
        self._limits = limits
        self.seek, self.tell = file.seek, file.tell

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size > LONGEST_DIRECTORY:
            raise too_many(self._limits)
        data = self._file.read(size)
        if data.count(b"PK\x01\x02") > 2 * self._limits.files:
            raise too_many(self._limits)
        return data


def _zip_entries(file: IO[bytes], budget: Budget) -> Iterator[Entry]:
    guarded = cast(IO[bytes], _CentralDirectory(file, budget.limits))
    with _damaged():
        archive = zipfile.ZipFile(guarded)
    for info in archive.infolist():
        budget.count_entry()
        yield _zip_entry(archive, info, budget)


def _zip_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> Entry:
    path = _zip_name(info)
    mode = info.external_attr >> 16 if info.create_system == 3 else 0  # 3: Unix
    if info.is_dir() or stat.S_ISDIR(mode):
        return Entry(path, EntryKind.FOLDER)
    if info.flag_bits & 0x41:
        raise _refused(path, "is encrypted", "Make the archive without a password.")
    if info.compress_type not in ZIP_METHODS:
        raise _refused(
            path, f"is compressed by method {info.compress_type}", "Use zip's own, deflate."
        )
    content = _zip_content(archive, info, budget)
    if stat.S_ISLNK(mode):
        if info.file_size > LONGEST_LINK:
            raise _refused(path, "is a damaged symbolic link", AGAIN)
        return Entry(path, EntryKind.SYMLINK, target=b"".join(content))
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise _refused(path, "is a device, a pipe or of an unknown kind", "Leave it out.")
    _check_mode(path, mode)
    return Entry(path, EntryKind.FILE, bool(mode & 0o100), size=info.file_size, content=content)


def _zip_content(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget
) -> Iterator[bytes]:
    left = info.file_size
    with _damaged():
        stream = archive.open(info)
    with stream:
        while True:
            with _damaged():
                data = stream.read(CHUNK)
            if not data:
                break
            left -= len(data)
            budget.count(len(data))
            yield data
    if left:
        raise ArchiveError("the archive is damaged or cut off: a file is too short", AGAIN)


def _zip_name(info: zipfile.ZipInfo) -> bytes:
    """Without the flag for UTF-8 it may be either: the old code page, or UTF-8 all the same."""
    name = info.orig_filename
    if "\\" in name:
        raise _refused(name.encode(), "has a backslash in its name", "Put '/' between folders.")
    if info.flag_bits & 0x800:
        return name.encode("utf-8", "surrogateescape")
    try:
        raw = name.encode("cp437")
        raw.decode("utf-8")
    except UnicodeError:
        return name.encode("utf-8", "surrogateescape")
    return raw


def _check_mode(path: bytes, mode: int) -> None:
    if mode & SET_ID:
        raise _refused(path, "has a set-uid or set-gid bit", "chmod u-s,g-s it.")


def _refused(path: bytes, why: str, hint: str) -> ArchiveError:
    return ArchiveError(f"{show_path(path)[:200]} {why}", hint)
