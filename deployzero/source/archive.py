"""An archive as a commit: its entries go into the app's repository one by one.

Nothing is unpacked into the file system: what is left half-way is one quarantined pack.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.repo import Repo

from deployzero.errors import ArchiveError, ResourceLimitError, SourceError
from deployzero.source.archive_entries import (
    ArchiveLimits,
    Budget,
    Entry,
    EntryKind,
    read_entries,
    too_many,
)
from deployzero.source.incoming import quarantine
from deployzero.source.pack_writer import PackWriter
from deployzero.source.tree import SYMLINK, check_link, check_name, folded, show_path

LIMITS = ArchiveLimits()
FOLDER, PLAIN, EXECUTABLE = 0o40000, 0o100644, 0o100755
OTHERS = "Make the archive from the app's folder: tar -C app -czf app.tar.gz ."
WITHOUT_GIT = "Leave .git out: `git archive HEAD`, or tar's --exclude=.git."

Leaf = tuple[int, ObjectID, bytes]
"""Mode, blob, and a symbolic link's target."""
Folder = dict[bytes, "Folder | Leaf"]


def commit_archive(
    repo: Repo,
    file: IO[bytes],
    *,
    parent: str | None,
    author: str,
    message: str,
    limits: ArchiveLimits = LIMITS,
    cancelled: Callable[[], bool] = lambda: False,
) -> str:
    """Write what the archive holds as a commit into the repository; returns its id. Blocks.

    file: a tar (plain, gzip, bzip2, xz) or zip, at its start, to be sought in. author:
    `Name <mail>`. No ref moves. Raises ArchiveError naming the entry that cannot be taken,
    ArchiveTooLargeError, ResourceLimitError (a full disk), ClientGoneError when `cancelled`
    says so; the repository is then as it was.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    budget, known = Budget(limits, size, cancelled), repo.object_store.__contains__
    try:
        with quarantine(Path(repo.path)) as arrived:
            with closing(PackWriter(arrived.path / "pack", known)) as pack:
                tree = _Content(pack, limits).of(read_entries(file, budget))
                commit = pack.add_object(_commit(tree, parent, author, message))
                pack.finish()
            arrived.admit()
    except OSError as error:
        raise ResourceLimitError(
            f"the server cannot store the archive: {error.strerror or error}",
            "Look at its free disk space: df -h; deployzero doctor",
        ) from error
    return commit.decode()


class _Content:
    """The tree that grows entry by entry; file contents are in the pack already."""

    def __init__(self, pack: PackWriter, limits: ArchiveLimits) -> None:
        self._pack = pack
        self._limits = limits
        self._root: Folder = {}
        self._files = self._folders = 0

    def of(self, entries: Iterator[Entry]) -> ObjectID:
        """The id of the tree of all entries. Raises ArchiveError."""
        for entry in entries:
            parts = _parts(entry.path, self._limits)
            if parts and not _is_of_macos(parts):
                self._add(entry, parts)
        root = self._root
        if len(root) == 1 and isinstance(only := next(iter(root.values())), dict):
            root = only
        if not self._files:
            raise ArchiveError("the archive holds no file", OTHERS)
        links = {path: leaf[2] for path, leaf in _leaves(root, b"") if leaf[0] == SYMLINK}
        for path, target in links.items():
            _told(check_link, path, target, links)
        return self._write(root, b"")

    def _add(self, entry: Entry, parts: list[bytes]) -> None:
        if entry.kind is EntryKind.FOLDER:
            self._folder(parts)
            return
        folder, name = self._folder(parts[:-1]), parts[-1]
        if name in folder:
            raise ArchiveError(f"{show_path(entry.path)} is in the archive twice", OTHERS)
        folder[name] = self._leaf(entry)
        self._files += 1
        if self._files > self._limits.files:
            raise too_many(self._limits)

    def _leaf(self, entry: Entry) -> Leaf:
        if entry.kind is EntryKind.HARDLINK:
            return self._linked(entry)
        if entry.kind is EntryKind.SYMLINK:
            target = entry.target
            return SYMLINK, self._pack.add(Blob.type_num, len(target), [target]), target
        oid = self._pack.add(Blob.type_num, entry.size, entry.content)
        return EXECUTABLE if entry.executable else PLAIN, oid, b""

    def _linked(self, entry: Entry) -> Leaf:
        found: Folder | Leaf | None = self._root
        for part in _parts(entry.target, self._limits):
            found = found.get(part) if isinstance(found, dict) else None
        if not isinstance(found, tuple):
            raise ArchiveError(
                f"{show_path(entry.path)} is a hard link to {show_path(entry.target[:200])}, "
                "which is no file of the archive",
                OTHERS,
            )
        return found

    def _folder(self, parts: list[bytes]) -> Folder:
        at, prefix = self._root, b""
        for part in parts:
            prefix += part + b"/"
            if part not in at:
                self._folders += 1
                if self._folders > self._limits.files:
                    raise too_many(self._limits)
            below = at.setdefault(part, {})
            if not isinstance(below, dict):
                raise ArchiveError(f"{show_path(prefix[:-1])} is both a file and a folder", OTHERS)
            at = below
        return at

    def _write(self, folder: Folder, prefix: bytes) -> ObjectID:
        tree, names = Tree(), dict[str, bytes]()
        for name, below in folder.items():
            if other := names.get(folded(name)):
                raise ArchiveError(
                    f"{show_path(prefix + other)} and {show_path(prefix + name)} "
                    "differ only by case",
                    "Rename one of them.",
                )
            names[folded(name)] = name
            if isinstance(below, tuple):
                tree.add(name, below[0], below[1])
            elif _holds_file(below):  # git knows no empty folder
                tree.add(name, FOLDER, self._write(below, prefix + name + b"/"))
        return self._pack.add_object(tree)


def _leaves(folder: Folder, prefix: bytes) -> Iterator[tuple[bytes, Leaf]]:
    for name, below in folder.items():
        if isinstance(below, tuple):
            yield prefix + name, below
        else:
            yield from _leaves(below, prefix + name + b"/")


def _holds_file(folder: Folder) -> bool:
    return any(True for _ in _leaves(folder, b""))


def _parts(path: bytes, limits: ArchiveLimits) -> list[bytes]:
    """The path's names, each one checked; [] for the archive's own root."""
    shown = show_path(path)[:200]
    if path.startswith(b"/") or (path[1:2] == b":" and path[2:3] in (b"/", b"\\")):
        raise ArchiveError(f"{shown} is an absolute path", OTHERS)
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise ArchiveError(f"{shown} leads out of the archive", OTHERS)
    if len(path) > limits.path or len(parts) > limits.depth:
        raise ArchiveError(
            f"{shown}… is longer than {limits.path} bytes or deeper than {limits.depth} folders",
            "Shorten its folders' names.",
        )
    for number, part in enumerate(parts):
        prefix = b"".join(each + b"/" for each in parts[:number])
        _told(check_name, prefix, part)
    return parts


def _is_of_macos(parts: list[bytes]) -> bool:
    """Finder's and bsdtar's own files, which no app needs."""
    return parts[0] == b"__MACOSX" or parts[-1] == b".DS_Store" or parts[-1].startswith(b"._")


def _told(check: Callable[..., None], *arguments: object) -> None:
    """A tree's rule, told to one who has no repository at hand."""
    try:
        check(*arguments)
    except SourceError as error:
        hint = WITHOUT_GIT if "git's own" in error.message else OTHERS
        raise ArchiveError(error.message, hint) from error


def _commit(tree: ObjectID, parent: str | None, author: str, message: str) -> Commit:
    made = Commit()
    made.tree = tree
    made.parents = [ObjectID(parent.encode())] if parent else []
    made.author = made.committer = author.replace("\n", " ").replace("\0", "").encode()
    made.author_time = made.commit_time = int(time.time())
    made.author_timezone = made.commit_timezone = 0
    made.message = message.replace("\0", "").strip().encode("utf-8", "replace") + b"\n"
    made.encoding = b"UTF-8"
    return made
