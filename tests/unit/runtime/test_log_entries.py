"""The engine's frames as lines."""

import struct

import pytest

from deployzero.errors import ContainerError
from deployzero.runtime.lines import LINE_LIMIT
from deployzero.runtime.log_entries import LogDecoder, LogEntry, seconds

AT = "2026-11-23T04:00:00.123456789Z"
LATER = "2026-11-23T04:00:01.000000000Z"


def frame(source: int, text: bytes, at: str = AT) -> bytes:
    payload = at.encode() + b" " + text
    return struct.pack(">BxxxL", source, len(payload)) + payload


def test_frames_may_come_in_any_pieces() -> None:
    data = frame(1, b"one\n") + frame(2, "zwölf\n".encode(), LATER) + frame(1, b"\xff\x00\n")
    for size in (1, 7, 1000):
        decoder, seen = LogDecoder(), []
        for start in range(0, len(data), size):
            seen += decoder.feed(data[start : start + size])
        assert seen == [LogEntry(AT, "one"), LogEntry(LATER, "zwölf"), LogEntry(AT, "\ufffd\0")]


def test_parts_of_a_long_line_are_one_and_streams_do_not_mix() -> None:
    decoder = LogDecoder()
    part = b"x" * 5000
    assert decoder.feed(frame(1, part) + frame(2, b"other\n")) == [LogEntry(AT, "other")]
    assert decoder.feed(frame(1, part) * 20 + frame(1, b"end\n")) == [
        LogEntry(AT, "x" * LINE_LIMIT)
    ]
    decoder.feed(frame(1, b"no newline"))
    assert decoder.end() == [LogEntry(AT, "no newline")]


def test_a_line_that_a_crash_cut_off_does_not_swallow_the_next() -> None:
    decoder = LogDecoder()
    assert decoder.feed(frame(1, b"cut o")) == []
    assert decoder.feed(frame(1, b"starting\n", LATER)) == [
        LogEntry(AT, "cut o"),
        LogEntry(LATER, "starting"),
    ]
    assert decoder.end() == []


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(ContainerError):
        LogDecoder().feed(b"HTTP/1.1 garbage and more")


def test_a_time_is_told_to_the_nanosecond() -> None:
    assert seconds(AT) == "1795406400.123456789"
