"""An archive on its way: sent again when the connection drops, deployed once."""

import time
import uuid
from collections.abc import Callable
from typing import IO, Any

import httpx

from deployzero.client.api import API, AwayError, UnavailableError
from deployzero.client.following import LONGEST_PAUSE, PATIENCE

TRIES = 4
FIRST_PAUSE = 1.0
LIMITS = httpx.Timeout(60.0, connect=10.0, read=600.0)
"""The server reads the archive before it answers."""


class Sent:
    """A file that tells how far it has been read. httpx reads it as any other."""

    def __init__(self, file: IO[bytes], progress: Callable[[int], None]) -> None:
        self._file = file
        self._progress = progress

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._progress(self._file.tell())
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def __iter__(self) -> "Sent":
        return self

    def __next__(self) -> bytes:
        if data := self.read(1 << 16):
            return data
        raise StopIteration


def upload(
    api: API,
    app: str,
    archive: IO[bytes],
    message: str,
    progress: Callable[[int], None] = lambda _: None,
    again: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """The deployment that it has become.

    progress: bytes sent so far. again: told why it is sent again, once. A server that is away
    is waited for as by who follows a log; what answers with an error gets TRIES. Raises
    DeployZeroException.
    """
    key = str(uuid.uuid4())  # the server knows by it what it has had already
    pause, tries, lost = FIRST_PAUSE, 0, 0.0
    while True:
        archive.seek(0)
        try:
            answer: dict[str, Any] = api.post(
                f"/projects/{app}/deployments",
                data={"message": message},
                files={"file": (f"{app}.tar.gz", Sent(archive, progress), "application/gzip")},
                headers={"Idempotency-Key": key},
                timeout=LIMITS,
            )
        except UnavailableError as error:
            tries, now = tries + 1, time.monotonic()
            lost = lost or now
            waits = isinstance(error, AwayError) and now - lost < PATIENCE
            if tries >= TRIES and not waits:
                raise
            if tries == 1:
                again(error.message)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            return answer
