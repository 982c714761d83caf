"""What removed containers printed: a file each, within a size an app.

`logs/<project id>/<process>.<index>.d<deployment>.<container>.log`, lines of time and text,
already without secrets. A file is written whole and then renamed: to write it again after a
kill changes nothing, and no line is there twice. Several threads may write at once.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from deployzero.models.runtime_log import RuntimeLine

SHORT = 12
"""Digits of a container's id that name its file."""
BLOCK = 64 << 10
DRAFT = ".new"


@dataclass(frozen=True, slots=True)
class Archived:
    """One container's log."""

    source: str
    deployment_id: int
    container: str
    path: Path


class LogArchive:
    """Blocking calls, for a thread. size: bytes an app. Every error is an OSError."""

    def __init__(self, root: Path, size: int) -> None:
        self._root = root
        self._size = size

    def write(
        self,
        project_id: int,
        source: str,
        deployment_id: int,
        container: str,
        lines: Iterable[tuple[str, str]],
    ) -> None:
        """lines: (time, text). The oldest files go where all of them are too large."""
        folder = self._folder(project_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{source}.d{deployment_id}.{container[:SHORT]}.log"
        with NamedTemporaryFile(dir=folder, suffix=DRAFT, delete=False) as file:
            draft = Path(file.name)
            try:
                for at, text in lines:
                    file.write(f"{at} {text}\n".encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
                draft.rename(folder / name)
            finally:
                draft.unlink(missing_ok=True)
        self._prune(folder)

    def every(self, project_id: int) -> list[Archived]:
        """Oldest first."""
        found = sorted(self._files(self._folder(project_id)), key=_age)
        return [archived for path in found if (archived := _archived(path)) is not None]

    def tail(self, archived: Archived, most: int) -> list[RuntimeLine]:
        """Its last lines, oldest first; none when it has been pruned meanwhile."""
        try:
            with archived.path.open("rb") as file:
                lines = _last_lines(file.fileno(), most)
        except FileNotFoundError:
            return []
        parts = (line.decode("utf-8", "replace").partition(" ") for line in lines)
        return [RuntimeLine(p[0], archived.source, p[2], archived.container) for p in parts]

    def forget(self, project_id: int) -> None:
        """Idempotent."""
        shutil.rmtree(self._folder(project_id), ignore_errors=True)

    def clean(self) -> None:
        """At start, before anybody writes: remove what a kill left half-written."""
        for draft in self._root.glob(f"*/*{DRAFT}"):
            draft.unlink(missing_ok=True)

    def _folder(self, project_id: int) -> Path:
        return self._root / str(project_id)

    def _files(self, folder: Path) -> Iterator[Path]:
        with contextlib.suppress(FileNotFoundError):
            yield from (path for path in folder.iterdir() if path.suffix == ".log")

    def _prune(self, folder: Path) -> None:
        """Others may write and prune here meanwhile."""
        left = self._size
        for path in sorted(self._files(folder), key=_age, reverse=True):
            with contextlib.suppress(FileNotFoundError):
                left -= path.stat().st_size
                if left < 0:
                    path.unlink()


def _archived(path: Path) -> Archived | None:
    parts = path.name.removesuffix(".log").rsplit(".", 2)
    if len(parts) != 3 or not parts[1][1:].isdigit():
        return None
    return Archived(parts[0], int(parts[1][1:]), parts[2], path)


def _age(path: Path) -> tuple[int, str]:
    try:
        return path.stat().st_mtime_ns, path.name
    except FileNotFoundError:
        return 0, path.name


def _last_lines(file: int, most: int) -> list[bytes]:
    at, data = os.fstat(file).st_size, b""
    while at > 0 and data.count(b"\n") <= most:
        size = min(BLOCK, at)
        at -= size
        data = os.pread(file, size, at) + data
    return data.splitlines()[-most:] if most > 0 else []
