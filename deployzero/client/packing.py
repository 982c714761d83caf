"""A folder as an archive: the same bytes for the same files, whoever packs them and when."""

import gzip
import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from deployzero.client.selection import File, Selection, unreadable
from deployzero.errors import DeployZeroException

TOP = "app"
"""All is within one folder, which the server looks through: else it would do so with an only
folder of the app's own."""
LEVEL = 6
PLAIN, EXECUTABLE = 0o644, 0o755


def pack(selection: Selection, packed: Callable[[File], None] = lambda _: None) -> IO[bytes]:
    """A tar.gz in a temporary file that goes when it is closed, at its start.

    packed: called after each file. Raises DeployZeroException for what cannot be read, or
    changes meanwhile.
    """
    file = tempfile.TemporaryFile(prefix="deployzero-")  # noqa: SIM115 - given to the caller
    try:
        with (
            gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as compressed,
            tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for each in selection.files:
                _add(archive, selection.folder, each)
                packed(each)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _add(archive: tarfile.TarFile, folder: Path, file: File) -> None:
    entry = tarfile.TarInfo(f"{TOP}/{file.path}")
    entry.mode = EXECUTABLE if file.executable else PLAIN
    if file.target is not None:
        entry.type, entry.linkname = tarfile.SYMTYPE, file.target
        archive.addfile(entry)
        return
    try:
        with open(folder / file.path, "rb", opener=_no_link) as content:
            entry.size = os.fstat(content.fileno()).st_size
            archive.addfile(entry, content)
    except OSError as error:
        if error.errno is None:  # tarfile's: it ended too early
            raise DeployZeroException(
                f"{file.path} changes while it is packed", "Try again when nothing writes to it."
            ) from error
        raise unreadable(file.path, error) from error


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))
