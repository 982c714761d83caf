"""A pack that is written object by object, none of which is ever whole in memory."""

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree
from dulwich.pack import pack_object_header, write_pack_index

CHUNK = 1 << 18
NAMES = {cls.type_num: cls.type_name for cls in (Blob, Commit, Tree)}
LEVEL = 1
"""zlib's fastest: a third of the time of git's 6 for a quarter more bytes."""


class PackWriter:
    """Writes `new.pack` into a folder; `finish` gives pack and index their names.

    Raises OSError (a full disk); whoever owns the folder removes it then.
    """

    def __init__(self, folder: Path, known: Callable[[ObjectID], bool]) -> None:
        """known: whether an object is elsewhere and need not be in the pack."""
        self._folder = folder
        self._known = known
        self._file = (folder / "new.pack").open("w+b")
        self._file.write(b"PACK" + struct.pack(">II", 2, 0))
        self._entries: dict[bytes, tuple[int, int]] = {}
        """Binary object id to offset and CRC-32."""

    def add(self, kind: int, size: int, chunks: Iterable[bytes]) -> ObjectID:
        """Add an object of exactly `size` bytes; one that is there already takes no space."""
        offset, crc = self._file.tell(), 0
        digest = hashlib.sha1(b"%s %d\0" % (NAMES[kind], size), usedforsecurity=False)
        header = bytes(pack_object_header(kind, None, size, DEFAULT_OBJECT_FORMAT))
        deflate = zlib.compressobj(LEVEL)

        def deflated() -> Iterator[bytes]:
            for chunk in chunks:
                digest.update(chunk)
                yield deflate.compress(chunk)
            yield deflate.flush()

        for part in chain([header], deflated()):
            crc = zlib.crc32(part, crc)
            self._file.write(part)
        oid = ObjectID(digest.hexdigest().encode())
        if digest.digest() in self._entries or self._known(oid):
            self._file.seek(offset)
            self._file.truncate()
        else:
            self._entries[digest.digest()] = (offset, crc)
        return oid

    def add_object(self, made: ShaFile) -> ObjectID:
        raw = made.as_raw_string()
        return self.add(made.type_num, len(raw), [raw])

    def finish(self) -> None:
        """Write count, checksum and index."""
        self._file.seek(8)
        self._file.write(struct.pack(">I", len(self._entries)))
        self._file.seek(0)
        digest = hashlib.sha1(usedforsecurity=False)
        while chunk := self._file.read(CHUNK):
            digest.update(chunk)
        self._file.write(digest.digest())
        self._file.close()
        name = f"pack-{digest.hexdigest()}"
        entries = sorted((oid, *place) for oid, place in self._entries.items())
        with (self._folder / f"{name}.idx").open("wb") as index:
            write_pack_index(index, entries, digest.digest(), version=2)
        (self._folder / "new.pack").rename(self._folder / f"{name}.pack")

    def close(self) -> None:
        """Idempotent; what is not finished is of no use."""
        self._file.close()
