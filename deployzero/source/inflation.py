"""How large a pack's objects are once inflated, known before anybody holds one in memory.

A few kilobytes may say gigabytes: by what is deflated, and by a delta that copies the same
piece over and over.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from dulwich.object_store import DiskObjectStore, PackBasedObjectStore
from dulwich.objects import ObjectID
from dulwich.pack import Pack

from deployzero.errors import SourceError

OFS_DELTA, REF_DELTA = 6, 7
TRAILER = 20
CHUNK = 1 << 16
DELTA_HEADER = 20
"""Bytes of a delta that surely hold both of its sizes."""
LOOSE_HEADER = 64
HEADER = 1024
"""Compressed bytes of a packed object that surely give its header and its delta's."""


@dataclass(frozen=True, slots=True)
class Budget:
    """In bytes; `object` and `total` count what a delta results in, too."""

    pack: int
    object: int
    total: int


class OverBudgetError(Exception):
    """Larger than the budget; the message says what is."""


class _Stream:
    """Bytes as they come, each of them recorded."""

    def __init__(self, read_some: Callable[[int], bytes], record: IO[bytes], limit: int) -> None:
        self._read_some = read_some
        self._record = record
        self._limit = limit
        self.rest = b""

    def more(self) -> bytes:
        """What was left over, else the next bytes. Raises EOFError, OverBudgetError."""
        if not self.rest:
            self.rest = self._read_some(CHUNK)
            self._record.write(self.rest)
            if self._record.tell() > self._limit:
                raise OverBudgetError(f"the pack has more than {self._limit >> 20} MB")
            if not self.rest:
                raise EOFError
        data, self.rest = self.rest, b""
        return data

    def byte(self) -> int:
        data = self.more()
        self.rest = data[1:]
        return data[0]

    def skip(self, size: int) -> None:
        while size:
            data = self.more()
            self.rest = data[size:]
            size -= min(size, len(data))


def record_pack(
    read_some: Callable[[int], bytes], record: IO[bytes], count: int, budget: Budget
) -> None:
    """Copy a pack of `count` objects into `record`, its 12 bytes of header included, and no
    byte more than it has.

    Nothing of it is kept in memory. Raises OverBudgetError as soon as an object says that
    it is too large: what has been read by then is in `record`. Raises EOFError, SourceError
    and zlib.error when it is damaged.
    """
    stream = _Stream(read_some, record, budget.pack)
    stream.skip(12)
    total = 0
    for _ in range(count):
        kind, size = _type_and_size(stream.byte)
        if kind == REF_DELTA:
            stream.skip(20)
        elif kind == OFS_DELTA:
            while stream.byte() & 0x80:
                pass
        _check(size, budget)
        begin = _inflate(stream, size)
        if kind in (OFS_DELTA, REF_DELTA):
            size += _result_size(begin)
            _check(size, budget)
        total += size
        if total > budget.total:
            raise OverBudgetError(f"the push unpacks to more than {budget.total >> 20} MB")
    stream.skip(TRAILER)


def _check(size: int, budget: Budget) -> None:
    if size > budget.object:
        raise OverBudgetError(f"a file unpacks to more than {budget.object >> 20} MB")


def _inflate(stream: _Stream, size: int) -> bytes:
    """Go over one deflated object; returns its first bytes."""
    inflater = zlib.decompressobj()
    begin, done, data = b"", 0, b""
    while not inflater.eof:
        out = inflater.decompress(data or stream.more(), CHUNK)
        data = inflater.unconsumed_tail
        done += len(out)
        if done > size:
            raise SourceError("an object is larger than it says")
        begin = begin or out[:DELTA_HEADER]
    stream.rest = inflater.unused_data + stream.rest
    return begin


def inflated_size(store: PackBasedObjectStore, oid: ObjectID) -> int:
    """Bytes of an object, read from the headers of what holds it. Raises KeyError: none does."""
    try:
        return int(store._lookup_in_packs(lambda pack: _size_in(pack, oid)))
    except KeyError:
        if (size := _loose_size(store, oid)) is not None:
            return size
        raise


def _size_in(pack: Pack, oid: ObjectID) -> int:
    offset = pack.index.object_offset(oid)
    file = pack.data._file
    file.seek(offset)
    return _packed_size(file.read(HEADER))


def _packed_size(data: bytes) -> int:
    following = iter(data)
    kind, size = _type_and_size(lambda: next(following))
    if kind not in (OFS_DELTA, REF_DELTA):
        return size
    if kind == REF_DELTA:
        for _ in range(20):
            next(following)
    else:
        while next(following) & 0x80:
            pass
    return _result_size(zlib.decompressobj().decompress(bytes(following), DELTA_HEADER))


def _loose_size(store: PackBasedObjectStore, oid: ObjectID) -> int | None:
    if not isinstance(store, DiskObjectStore):
        return None
    try:
        with open(store._get_shafile_path(oid), "rb") as file:
            begin = zlib.decompressobj().decompress(file.read(HEADER), LOOSE_HEADER)
    except FileNotFoundError:
        return None
    return int(begin.partition(b"\0")[0].partition(b" ")[2])


def _type_and_size(byte: Callable[[], int]) -> tuple[int, int]:
    """A packed object's header (gitformat-pack): three bits of type, then a size."""
    first = last = byte()
    size, shift = first & 0x0F, 4
    while last & 0x80:
        last = byte()
        size |= (last & 0x7F) << shift
        shift += 7
    return first >> 4 & 0x07, size


def _result_size(delta: bytes) -> int:
    """What a delta results in: the second of the two sizes that it begins with."""
    sizes, size, shift = [], 0, 0
    for byte in delta:
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            sizes.append(size)
            size, shift = 0, 0
    if len(sizes) < 2:
        raise SourceError("a delta is damaged")
    return sizes[1]
