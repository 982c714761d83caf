"""gzip, bzip2 and xz, unfolded in bounded pieces and within bounded memory.

The standard library's own files read a gzip name byte by byte however long it is, and give
an xz stream the memory that its header asks for.
"""

import io
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Protocol

CHUNK = 1 << 18
GZIP = 31
"""zlib's window for gzip's own header and checksum."""
XZ_MEMORY = 128 << 20
"""What `xz -9` needs is half of it."""
MOST_STREAMS = 100_000
"""In one file, one after the other: parallel compressors make one every 64 kB or so."""


class Decoder(Protocol):
    """As bz2 and lzma have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Gzip:
    """zlib's decoder in the manner of the others."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(GZIP)
        self._full = False
        """What it gave last filled the room, so that there may be more."""

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._full and not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        found = self._zlib.decompress(self._zlib.unconsumed_tail + data, max(max_length, 0))
        self._full = len(found) == max_length
        return found


def xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)


def unfolded(file: IO[bytes], new: Callable[[], Decoder]) -> io.BufferedReader:
    """What a compressed file holds. Reading raises EOFError, OSError, zlib.error or LZMAError."""
    return io.BufferedReader(_Unfolded(file, new), CHUNK)


class _Unfolded(io.RawIOBase):
    def __init__(self, file: IO[bytes], new: Callable[[], Decoder]) -> None:
        self._file = file
        self._new = new
        self._decoder = new()
        self._streams = 1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            if self._decoder.eof:
                data = (self._decoder.unused_data or self._file.read(CHUNK)).lstrip(b"\0")
                if not data:
                    return 0
                self._next_stream()
            else:
                data = self._file.read(CHUNK) if self._decoder.needs_input else b""
                if not data and self._decoder.needs_input:
                    raise EOFError("it ends early")
            if found := self._decoder.decompress(data, len(buffer)):
                buffer[: len(found)] = found
                return len(found)

    def _next_stream(self) -> None:
        self._streams += 1
        if self._streams > MOST_STREAMS:
            raise OSError("it is made of too many streams")
        self._decoder = self._new()
