"""An archive that comes as a request's body: taken off the socket only as fast as it is stored."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from deployzero.api.bodies import unlimited
from deployzero.errors import ArchiveError, ArchiveTooLargeError
from deployzero.settings import Settings, parse_bytes
from deployzero.source.channel import ClientGoneError

FILE, MESSAGE = "file", "message"
LONGEST_FIELD = 64 << 10
"""Bytes of a form beside its file: fields, headers and boundaries."""
FORM = "Send one file as `file` and, if you like, a `message`: curl -F file=@app.tar.gz URL"


class Upload:
    """The archive in a request: as the form's field `file`, or as the body itself."""

    def __init__(self, request: Request, message: str = "") -> None:
        """message: of the commit, unless the form has one. Reads nothing yet."""
        self._request = request
        self._body: AsyncIterator[bytes] | None = None
        self._given = message
        self.cut_off = asyncio.Event()
        """The client has left before it has sent all."""
        kind, options = parse_options_header(request.headers.get("Content-Type"))
        self._form = (
            _Form(options.get(b"boundary", b"")) if kind.startswith(b"multipart/") else None
        )

    @property
    def message(self) -> str:
        """All of it once all has been read."""
        return (self._form and self._form.message) or self._given

    async def read(self, _: int = -1) -> bytes:
        """The next bytes of the archive, as many as have come; b'' at its end.

        Raises ArchiveTooLargeError before anything is read of what is too long by its header,
        ArchiveError for a form that cannot be read, ClientGoneError.
        """
        if self._body is None:
            self._check_length()
            unlimited(self._request)
            self._body = self._request.stream()
        try:
            async for piece in self._body:
                if data := piece if self._form is None else self._form.feed(piece):
                    return data
        except ClientDisconnect as error:
            self.cut_off.set()
            raise ClientGoneError("the upload was cut off") from error
        if self._form is not None:
            self._form.check_whole()
        return b""

    def _check_length(self) -> None:
        settings: Settings = self._request.app.state.platform.settings
        most = parse_bytes(settings.max_upload_bytes)
        length = self._request.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > most + (LONGEST_FIELD if self._form else 0):
            raise ArchiveTooLargeError(
                f"the archive is larger than {most:,} bytes",
                "Leave out what the build makes or installs by itself, or raise "
                "DEPLOYZERO_MAX_UPLOAD_BYTES on the server.",
            )


class _Form:
    """multipart/form-data, piece by piece: the file's bytes come out, the message is kept."""

    def __init__(self, boundary: bytes) -> None:
        self.message = ""
        self._found: deque[bytes] = deque()
        self._left = LONGEST_FIELD
        self._seen: set[str] = set()
        self._part = ""
        self._header, self._value, self._text = bytearray(), bytearray(), bytearray()
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary or b"-",
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._on_header,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers,
                    "on_part_data": self._on_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise _bad(str(error)) from error

    def feed(self, piece: bytes) -> bytes:
        """What of the piece is of the file. Raises ArchiveError."""
        self._found.clear()
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _bad(str(error)) from error
        found = b"".join(self._found)
        self._spend(len(piece) - len(found))
        return found

    def check_whole(self) -> None:
        if not self._ended:
            raise _bad("it ends early")
        if FILE not in self._seen:
            raise _bad("it has no field `file`")

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _bad(f"there is more than {LONGEST_FIELD >> 10} kB beside the file")

    def _begin(self) -> None:
        self._part = ""
        self._header.clear()
        self._value.clear()

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self._part = options.get(b"name", b"").decode("utf-8", "replace")
        self._header.clear()
        self._value.clear()

    def _on_headers(self) -> None:
        if self._part not in (FILE, MESSAGE):
            raise _bad(f"it has a field {self._part[:40]!r}")
        if self._part in self._seen:
            raise _bad(f"it has two fields `{self._part}`")
        self._seen.add(self._part)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == FILE:
            self._found.append(data[start:end])
        else:
            self._text += data[start:end]

    def _on_part_end(self) -> None:
        if self._part == MESSAGE:
            self.message = self._text.decode("utf-8", "replace")

    def _on_end(self) -> None:
        self._ended = True


def _bad(why: str) -> ArchiveError:
    return ArchiveError(f"the form cannot be taken: {why}", FORM)
