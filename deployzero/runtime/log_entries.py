"""The engine's log stream as lines with their time."""

import datetime as dt
from dataclasses import dataclass

from deployzero.errors import ContainerError
from deployzero.runtime.engine_stream import FRAME
from deployzero.runtime.lines import LINE_LIMIT

STAMP = 30
"""Characters of the engine's time, nanoseconds and `Z` included."""
MOST_FRAME = 1 << 20


@dataclass(frozen=True, slots=True)
class LogEntry:
    at: str
    """`2026-11-23T04:00:00.123456789Z`: of fixed width, so that text sorts as time."""
    text: str
    """As the program printed it, control characters included; without the newline."""


class LogDecoder:
    """Frames of a container without a terminal, asked for with timestamps.

    A line beyond 16 KB comes in several frames of one time, of which the last has the
    newline: they are put together again, and what is beyond LINE_LIMIT is dropped. The last
    line of a program that died may have none: the next frame, of its restart, is of another time.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._open: dict[int, tuple[str, bytes]] = {}

    def feed(self, chunk: bytes) -> list[LogEntry]:
        """Raises ContainerError when these are no frames."""
        data, at, entries = self._rest + chunk, 0, []
        while len(data) - at >= FRAME.size:
            source, size = FRAME.unpack_from(data, at)
            if size > MOST_FRAME or source > 2:
                raise ContainerError("the Docker Engine's log stream cannot be read")
            end = at + FRAME.size + size
            if end > len(data):
                break
            entries += self._frame(source, data[at + FRAME.size : end])
            at = end
        self._rest = data[at:]
        return entries

    def end(self) -> list[LogEntry]:
        """Lines that never got their newline."""
        entries = [_entry(stamp, text) for stamp, text in self._open.values()]
        self._open.clear()
        return entries

    def _frame(self, source: int, payload: bytes) -> list[LogEntry]:
        stamp, text = payload[:STAMP].decode("ascii", "replace"), payload[STAMP + 1 :]
        ended = []
        if (begun := self._open.pop(source, None)) is not None:
            if begun[0] == stamp:
                text = begun[1] + text
            else:
                ended.append(_entry(*begun))
        if payload.endswith(b"\n"):
            return [*ended, _entry(stamp, text)]
        self._open[source] = stamp, text[:LINE_LIMIT]
        return ended


def _entry(stamp: str, text: bytes) -> LogEntry:
    text = text[:LINE_LIMIT].rstrip(b"\n")
    return LogEntry(stamp, text.decode("utf-8", "replace"))


def seconds(at: str) -> str:
    """An entry's time as the engine's `since` has it: `1700000000.123456789`."""
    whole = dt.datetime.fromisoformat(at[:19]).replace(tzinfo=dt.UTC)
    return f"{int(whole.timestamp())}.{at[20:29]}"
