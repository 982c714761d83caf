"""A commit's tree as a list of entries, checked before anything of it touches the disk."""

import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from dulwich.errors import ChecksumMismatch, ObjectFormatException
from dulwich.index import (
    validate_path_element_default,
    validate_path_element_hfs,
    validate_path_element_ntfs,
)
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tag, Tree, parse_tree
from dulwich.repo import Repo

from deployzero.errors import SourceError
from deployzero.source.inflation import inflated_size

SUBMODULE = 0o160000
SYMLINK = 0o120000
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
LFS_POINTER_SIZE = 1024
"""Git LFS's specification: a pointer file is shorter than this."""
MOST_HOPS = 40
"""As many symbolic links in one path as Linux follows."""
NAMED = 5
LONGEST_LINK = 4000
_ENVIRONMENT = re.compile(rb"/bin/python[\d.]*$")
"""What a virtual environment of Python has at its root, as a link to the machine's own."""
LARGEST_COMMIT = 16 << 20
LARGEST_FOLDER = 64 << 20
"""Bytes; both are held in memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tree may hold, so that a small pack cannot fill the disk."""

    files: int = 200_000
    bytes: int = 4 << 30
    path: int = 3000


@dataclass(slots=True)
class CheckedTree:
    """Paths are bytes, relative to the root, '/' between; folders come before what is in them."""

    folders: list[bytes] = field(default_factory=list)
    files: list[tuple[bytes, ObjectID, bool]] = field(default_factory=list)
    """Path, blob, executable."""
    links: dict[bytes, bytes] = field(default_factory=dict)
    """Path to target."""


def show_path(path: bytes) -> str:
    """For people: what is no text, or would steer a terminal, as an escape."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def commit_of(repo: Repo, oid: str) -> Commit:
    """The commit that the id names, through annotated tags. Raises SourceError if none."""
    try:
        found = _small_object(repo, ObjectID(oid.encode()))
        while isinstance(found, Tag):
            found = _small_object(repo, found.object[1])
    except (KeyError, ObjectFormatException, ChecksumMismatch) as error:
        raise SourceError(f"there is no commit {oid[:12]} here") from error
    if not isinstance(found, Commit):
        raise SourceError(f"{oid[:12]} is no commit", "Push a branch.")
    return found


def _small_object(repo: Repo, oid: ObjectID) -> ShaFile:
    if inflated_size(repo.object_store, oid) > LARGEST_COMMIT:
        raise SourceError(f"the commit {oid.decode()[:12]} is larger than any commit may be")
    return repo.object_store[oid]


def check_tree(repo: Repo, commit: str, limits: Limits) -> CheckedTree:
    """Walk the commit's tree. Raises SourceError naming the path that cannot be taken."""
    tree = CheckedTree()
    submodules: list[bytes] = []
    links: list[tuple[bytes, ObjectID]] = []
    pending = [(b"", commit_of(repo, commit).tree)]
    while pending:
        prefix, oid = pending.pop()
        for name, mode, entry in _entries(repo, prefix, oid):
            path = prefix + name
            if len(path) > limits.path:
                raise SourceError(
                    f"path longer than {limits.path} bytes: {show_path(path)[:80]}…",
                    "Shorten its folders' names.",
                )
            if stat.S_ISDIR(mode):
                tree.folders.append(path)
                pending.append((path + b"/", entry))
            elif mode == SUBMODULE:
                submodules.append(path)
            elif mode == SYMLINK:
                links.append((path, entry))
            elif stat.S_ISREG(mode):
                tree.files.append((path, entry, bool(mode & 0o100)))
            else:
                raise SourceError(f"{show_path(path)} has an unknown mode {mode:o}")
            if len(tree.folders) + len(tree.files) + len(links) > limits.files:
                raise SourceError(
                    f"more than {limits.files:,} files in the repository",
                    "Keep dependencies and build output out of it (.gitignore).",
                )
    if submodules:
        raise SourceError(
            f"submodules cannot be deployed: {_named(submodules)}",
            "Their files are not in this repository. Add them as plain files "
            "(git rm --cached <path>, remove <path>/.git, git add <path>) or as a dependency.",
        )
    for path, entry in links:
        if blob_size(repo, path, entry) > LONGEST_LINK:
            raise SourceError(
                f"the symbolic link {show_path(path)} is damaged",
                "Replace the link by the file itself.",
            )
        tree.links[path] = read_blob(repo, path, entry)
    for path, target in tree.links.items():
        check_link(path, target, tree.links)
    return tree


def blob_size(repo: Repo, path: bytes, oid: ObjectID) -> int:
    """Bytes, without reading them."""
    try:
        return inflated_size(repo.object_store, oid)
    except KeyError as error:
        raise SourceError(f"{show_path(path)} is missing from the push") from error


def read_blob(repo: Repo, path: bytes, oid: ObjectID) -> bytes:
    try:
        kind, content = repo.object_store.get_raw(oid)
    except KeyError as error:
        raise SourceError(f"{show_path(path)} is missing from the push") from error
    if kind != Blob.type_num:
        raise SourceError(f"{show_path(path)} is damaged: not a file's content")
    return content


def check_pointers(pointers: list[bytes]) -> None:
    """Raise SourceError if Git LFS pointers stand where content should."""
    if pointers:
        raise SourceError(
            f"Git LFS pointers instead of files: {_named(pointers)}",
            "deployzero has no LFS storage. Put the content into git "
            "(git lfs migrate export --include='<pattern>'), or load the files at build time.",
        )


def is_pointer(content: bytes) -> bool:
    return len(content) < LFS_POINTER_SIZE and content.startswith(LFS_POINTER)


def _entries(repo: Repo, prefix: bytes, oid: ObjectID) -> Iterator[tuple[bytes, int, ObjectID]]:
    where = show_path(prefix) or "the root folder"
    try:
        if inflated_size(repo.object_store, oid) > LARGEST_FOLDER:
            raise SourceError(f"{where} has more entries than can be taken")
        kind, raw = repo.object_store.get_raw(oid)
        if kind != Tree.type_num:
            raise SourceError(f"{where} is damaged: not a folder")
        entries = list(parse_tree(raw, repo.object_format.oid_length))
    except KeyError as error:
        raise SourceError(f"{where} is missing from the push") from error
    except (ObjectFormatException, ValueError) as error:
        raise SourceError(f"{where} is damaged: {error}") from error
    names: dict[str, bytes] = {}
    for name, mode, sha in entries:
        check_name(prefix, name)
        key = folded(name)
        if other := names.get(key):
            raise SourceError(
                f"{show_path(prefix + other)} and {show_path(prefix + name)} differ only by case",
                "Rename one of them: git mv",
            )
        names[key] = name
        yield name, mode, ObjectID(sha)


def folded(name: bytes) -> str:
    """As case-insensitive file systems compare names."""
    return unicodedata.normalize("NFC", name.decode("utf-8", "surrogateescape")).casefold()


def check_name(prefix: bytes, name: bytes) -> None:
    """Raises SourceError for a name that leads elsewhere or is one of git's own."""
    shown = show_path(prefix + name)
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        raise SourceError(f"'{shown}' is not a path that can be taken", "Run `git fsck`.")
    if len(name) > 255:
        raise SourceError(f"a file name is longer than 255 bytes: {shown[:80]}…", "Shorten it.")
    if not (
        validate_path_element_default(name) and validate_path_element_ntfs(name) and _hfs(name)
    ):
        raise SourceError(
            f"{shown} is (on some system) a name of git's own folder",
            "Remove it from the repository: git rm -r --cached <path>",
        )


def _hfs(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return True  # HFS+ cannot hold it at all
    return validate_path_element_hfs(name)


def check_link(path: bytes, target: bytes, links: dict[bytes, bytes]) -> None:
    """Raises SourceError for a symbolic link out of the tree. links: all of them, by path."""
    shown = f"{show_path(path)} -> {show_path(target[:200])}"
    remedy = "Replace the link by the file itself."
    if _ENVIRONMENT.search(path):
        folder = show_path(path.rpartition(b"/bin/")[0])
        remedy = (
            f"{folder} is a virtual environment of your computer: git rm -r --cached {folder}, "
            "name it in .gitignore, and commit."
        )
    if not target or b"\0" in target or len(target) > LONGEST_LINK:
        raise SourceError(f"the symbolic link {show_path(path)} is damaged", remedy)
    if target.startswith(b"/"):
        raise SourceError(f"a symbolic link leads out of the repository: {shown}", remedy)
    at = path.split(b"/")[:-1]
    rest = target.split(b"/")[::-1]
    hops = 0
    while rest:
        part = rest.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            if not at:
                raise SourceError(f"a symbolic link leads out of the repository: {shown}", remedy)
            at.pop()
            continue
        at.append(part)
        # What a link leads to goes on from the folder that the next link stands in.
        if further := links.get(b"/".join(at)):
            hops += 1
            if hops > MOST_HOPS:
                raise SourceError(f"a symbolic link leads in a circle: {shown}", remedy)
            if further.startswith(b"/"):
                raise SourceError(f"a symbolic link leads out of the repository: {shown}", remedy)
            at.pop()
            rest.extend(further.split(b"/")[::-1])


def _named(paths: list[bytes]) -> str:
    names = ", ".join(show_path(path) for path in sorted(paths)[:NAMED])
    more = len(paths) - NAMED
    return f"{names} and {more} more" if more > 0 else names
