"""Bytes that a program prints, as lines."""

import codecs

LINE_LIMIT = 8192
"""What is kept together of a line: bytes as the engine sends it, characters once it is text."""


class Lines:
    """Bytes of both streams to whole lines of text, long ones cut."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, chunk: bytes) -> list[str]:
        *lines, self._rest = (self._rest + self._decoder.decode(chunk)).split("\n")
        while len(self._rest) > LINE_LIMIT:
            lines.append(self._rest[:LINE_LIMIT])
            self._rest = self._rest[LINE_LIMIT:]
        return [line.rstrip("\r") for line in lines]

    def end(self) -> list[str]:
        return [self._rest] if self._rest else []
