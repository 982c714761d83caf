"""The build context: a checkout as a tar that gives the same cache keys for the same content.

The engine applies no .dockerignore to a context that is uploaded (tried on 20.10), so what
is ignored is left out here. Times are kept: BuildKit's keys ignore them, and a web server's
ETags need them.
"""

import io
import math
import stat
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from deployzero.build.ignore import Ignored
from deployzero.models.project import ProjectConfig

EXECUTABLE, PLAIN = 0o755, 0o644
_NEVER = (".git", ".deployzero")


def write_generated(
    to: IO[bytes],
    source: Path,
    config: ProjectConfig,
    files: Mapping[str, str],
    deadline: float = math.inf,
) -> None:
    """`files` at the top (Dockerfile, nginx.conf), the tree in src/, install files in deps/.

    Those of a front end beside the app are in assets/, so that they key its layer alone; what
    its build does not read (the app's sources) is in code/, and not in src/.

    Raises BuildError for a bad ignore file, TimeoutError when `time.monotonic()` is past
    the deadline.
    """
    source = source / config.root
    with tarfile.open(fileobj=to, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, text in files.items():
            _add_text(archive, name, text)
        _add_folder(archive, "src")
        _add_folder(archive, "deps")
        _add_folder(archive, "assets")
        wanted = frozenset(config.install_files)
        front_end = frozenset(config.assets.install_files if config.assets else ())
        unread = config.assets.unread if config.assets else ()
        if unread:
            _add_folder(archive, "code")
        for path in _tree(source, config, deadline):
            is_folder = (source / path).is_dir() and not (source / path).is_symlink()
            apart = bool(unread) and path.endswith(unread) and not is_folder
            if not apart:
                _add(archive, source, path, f"src/{path}")
            if apart or (unread and is_folder):
                _add(archive, source, path, f"code/{path}")
            if path in wanted or _within(path, wanted):
                _add_plain(archive, source, path, f"deps/{path}")
            if path in front_end or _within(path, front_end):
                _add_plain(archive, source, path, f"assets/{path}")
    to.seek(0)


def _within(path: str, wanted: frozenset[str]) -> bool:
    """In a folder that is wanted as a whole: 'patches/'."""
    cuts = (at for at, char in enumerate(path) if char == "/")
    return any(path[: at + 1] in wanted for at in cuts)


def write_files(to: IO[bytes], files: Mapping[str, str]) -> None:
    """These files alone; `to` is left at its start, ready to be read."""
    with tarfile.open(fileobj=to, mode="w") as archive:
        for name, text in files.items():
            _add_text(archive, name, text)
    to.seek(0)


def write_own(
    to: IO[bytes],
    source: Path,
    config: ProjectConfig,
    dockerfile: str,
    deadline: float = math.inf,
) -> None:
    """The tree as it is, with `dockerfile` in the place of the repository's own."""
    name = config.dockerfile or "Dockerfile"
    source = source / config.root
    with tarfile.open(fileobj=to, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add_text(archive, name, dockerfile)
        for path in _tree(source, config, deadline):
            if path != name:
                _add(archive, source, path, path)
    to.seek(0)


def _tree(source: Path, config: ProjectConfig, deadline: float) -> Iterator[str]:
    """Paths to send, folders before what is in them, in an order that is always the same."""
    ignored = Ignored(source, config)
    pending = [""]
    while pending:
        folder = pending.pop()
        subfolders = []
        for entry in sorted((source / folder).iterdir()):
            path = f"{folder}/{entry.name}".lstrip("/")
            if time.monotonic() > deadline:
                raise TimeoutError
            if path in _NEVER:
                continue
            if entry.is_dir() and not entry.is_symlink():
                if ignored.whole_folder(path):
                    continue
                subfolders.append(path)
                if not ignored(path):
                    yield path
            elif not ignored(path):
                yield path
        pending.extend(reversed(subfolders))


def _add(archive: tarfile.TarFile, source: Path, path: str, name: str) -> None:
    """Owners gone and modes reduced to what git knows, so that no umask breaks the cache."""
    member = archive.gettarinfo(str(source / path), name)
    if member is None or not (
        member.isfile() or member.isdir() or member.issym() or member.islnk()
    ):
        return
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    executable = member.isdir() or member.mode & stat.S_IXUSR
    member.mode = EXECUTABLE if executable else PLAIN
    if member.islnk():
        # A second name of one file: sent as a file of its own.
        member.type, member.linkname = tarfile.REGTYPE, ""
        member.size = (source / path).stat().st_size
    if member.isfile():
        with (source / path).open("rb") as content:
            archive.addfile(member, content)
    else:
        archive.addfile(member)


def _add_plain(archive: tarfile.TarFile, source: Path, path: str, name: str) -> None:
    """As `_add`, but a link to another file of the tree as that file: alone it leads nowhere."""
    real, root = (source / path).resolve(), source.resolve()
    if (source / path).is_symlink() and real.is_file() and real.is_relative_to(root):
        _add(archive, root, str(real.relative_to(root)), name)
    else:
        _add(archive, source, path, name)


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode(errors="surrogateescape")
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), PLAIN
    archive.addfile(member, io.BytesIO(data))


def _add_folder(archive: tarfile.TarFile, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, EXECUTABLE
    archive.addfile(member)
