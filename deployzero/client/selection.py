"""Which files of a folder are deployed."""

import fnmatch
import os
import posixpath
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deployzero.client import git, ignoring
from deployzero.client.ignoring import Patterns
from deployzero.errors import DeployZeroException

GITIGNORE, OWN = ".gitignore", ".deployzeroignore"
HISTORY = frozenset({".git", ".hg", ".svn"})
NEVER = frozenset({"node_modules", "__pycache__", ".DS_Store", ".env"})
EXAMPLES = (".example", ".sample", ".template")
KEYS = (
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks",
    "*.keystore", ".netrc", ".pgpass", "credentials.json", "secrets.json", "secrets.y*ml",
    "client_secret*.json", "service[-_]account*.json",
)  # fmt: skip
"""Names of what often is secret, and not always."""
VENV = "a virtual environment"
IGNORED = "ignored"
SHOWN = 5


@dataclass(frozen=True, slots=True)
class File:
    path: str
    """Relative to the folder, with `/`."""
    size: int
    executable: bool
    target: str | None = None
    """Of a symbolic link."""


@dataclass(slots=True)
class Selection:
    folder: Path
    files: list[File] = field(default_factory=list)
    """In the order of a walk by name: the same for the same folder."""
    left_out: Counter[str] = field(default_factory=Counter)
    """By why: files, and folders with all that is in them."""
    left_out_names: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    """The `.env` files among them."""
    skipped: list[str] = field(default_factory=list)
    """Sockets, pipes, devices."""

    @property
    def bytes(self) -> int:
        return sum(each.size for each in self.files)

    def like_secrets(self) -> list[str]:
        """Files that are deployed, and whose names say that they may be better kept back."""
        return [
            each.path
            for each in self.files
            if any(fnmatch.fnmatchcase(posixpath.basename(each.path).lower(), key) for key in KEYS)
        ]

    def largest(self, count: int = SHOWN) -> list[tuple[str, int, int]]:
        """The entries of the folder itself with the most bytes: name, bytes, files."""
        sizes, files = Counter[str](), Counter[str]()
        for each in self.files:
            top, below, _ = each.path.partition("/")
            sizes[top + below] += each.size
            files[top + below] += 1
        return [(name, size, files[name]) for name, size in sizes.most_common(count)]


def select(folder: Path, include: Sequence[str] = ()) -> Selection:
    """Walk the folder; what is ignored is not entered.

    include: patterns as .gitignore has them, of what is taken in spite of all rules. Raises
    DeployZeroException naming what cannot be read, has no UTF-8 name or leads out of the folder.
    """
    root = git.git_root(folder)
    tracked = git.tracked_and_ignored(folder) if root else frozenset()
    walk = _Walk(Selection(folder), include, tracked)
    walk.visit("", _above(folder, root), taken=False, why="")
    return walk.found


@dataclass(frozen=True, slots=True)
class _Level:
    """One file's patterns, and how the paths that they are about begin."""

    patterns: Patterns
    folder: str = ""
    """Its place in the tree, `sub/`: to be taken off."""
    above: str = ""
    """The tree's place below it, `api/`: to be put in front."""

    def ignores(self, path: str, is_folder: bool) -> bool | None:
        return self.patterns.ignores(self.above + path[len(self.folder) :], is_folder)


class _Walk:
    def __init__(self, found: Selection, include: Sequence[str], tracked: Iterable[str]) -> None:
        self.found = found
        self._include = Patterns(each.encode().decode("latin-1") for each in include)
        self._paths = [each.strip("/").split("/") for each in include if "/" in each.strip("/")]
        self._tracked = frozenset(tracked)
        self._tracked_folders = {
            path[:at] for path in self._tracked for at, char in enumerate(path) if char == "/"
        }

    def visit(self, prefix: str, levels: list[_Level], taken: bool, why: str) -> None:
        """prefix: the folder's path with a `/`. taken: in spite of what its rules say. why: it is
        left out but for what is wanted by name; empty: it is not."""
        levels = [*_levels(self.found.folder / prefix, prefix), *levels]
        for entry in self._entries(prefix):
            path = prefix + entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.name in HISTORY:
                continue
            wanted = self._include.ignores(path, is_folder) is True
            reason = "" if wanted else self._why_not(entry, path, levels, taken, why)
            if is_folder and (not reason or self._holds_wanted(path)):
                self.visit(f"{path}/", levels, taken or wanted, reason)
            elif reason:
                self.found.left_out[reason] += 1
                self.found.left_out_names.append(path + "/" * is_folder)
                if reason == ".env":
                    self.found.secrets.append(path)
            else:
                self._add(entry, path)

    def _why_not(
        self, entry: os.DirEntry[str], path: str, levels: list[_Level], taken: bool, why: str
    ) -> str:
        is_folder = entry.is_dir(follow_symlinks=False)
        if reason := _never(entry, is_folder):
            return reason
        if taken or path in self._tracked:
            return ""
        if why:
            return why
        decided = (level.ignores(path, is_folder) for level in levels)
        return IGNORED if next((each for each in decided if each is not None), False) else ""

    def _holds_wanted(self, path: str) -> bool:
        """Whether something below a folder may be wanted by its own name."""
        if path in self._tracked_folders:
            return True
        parts = path.split("/")
        return any(
            "**" in wanted[: len(parts)]
            or (len(parts) < len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted)))
            for wanted in self._paths
        )

    def _entries(self, prefix: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.found.folder / prefix) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise unreadable(prefix or str(self.found.folder), error) from error

    def _add(self, entry: os.DirEntry[str], path: str) -> None:
        _check_name(path)
        try:
            status = entry.stat(follow_symlinks=False)
            target = os.readlink(entry.path) if stat.S_ISLNK(status.st_mode) else None
        except OSError as error:
            raise unreadable(path, error) from error
        if target is not None:
            _check_link(path, target)
            self.found.files.append(File(path, 0, False, target))
        elif stat.S_ISREG(status.st_mode):
            executable = bool(status.st_mode & stat.S_IXUSR)
            self.found.files.append(File(path, status.st_size, executable))
        else:
            self.found.skipped.append(path)


def unreadable(path: str, error: OSError) -> DeployZeroException:
    shown = path.encode(errors="replace").decode()
    return DeployZeroException(
        f"cannot read {shown}: {error.strerror}", f"Mend its permissions, or name it in {OWN}."
    )


def _never(entry: os.DirEntry[str], is_folder: bool) -> str:
    name = entry.name
    if name in NEVER:
        return name
    if name.startswith(".env.") and not name.endswith(EXAMPLES):
        return ".env"
    if is_folder and os.path.lexists(os.path.join(entry.path, "pyvenv.cfg")):
        return VENV
    return ""


def _levels(folder: Path, prefix: str) -> list[_Level]:
    """.deployzeroignore counts in the deployed folder itself, as on the server."""
    names = (GITIGNORE,) if prefix else (OWN, GITIGNORE)
    found = (_patterns(folder / name) for name in names)
    return [_Level(each, folder=prefix) for each in found if each]


def _above(folder: Path, root: Path | None) -> list[_Level]:
    """The rules of the folders above it in its repository, the nearest first.

    None if they leave out the folder itself: who names it wants it.
    """
    if root is None:
        return []
    found, at = [], folder
    while at != root:
        at = at.parent
        if patterns := _patterns(at / GITIGNORE):
            found.append((at, patterns))
    if patterns := _patterns(git.git_folder(root) / "info" / "exclude"):
        found.append((root, patterns))
    if folder == root:
        return [_Level(each) for _, each in found]
    parts = folder.relative_to(root).parts
    for depth in range(1, len(parts) + 1):
        part = root.joinpath(*parts[:depth])
        asked = (
            each.ignores(part.relative_to(at).as_posix(), True)
            for at, each in found
            if part.is_relative_to(at) and part != at
        )
        if next((each for each in asked if each is not None), False):
            return []
    return [_Level(each, above=f"{folder.relative_to(at).as_posix()}/") for at, each in found]


def _patterns(file: Path) -> Patterns | None:
    """git follows no symbolic link here."""
    try:
        return None if file.is_symlink() else ignoring.read(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise unreadable(str(file), error) from error


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = path.encode(errors="backslashreplace").decode()
        raise DeployZeroException(
            f"the name {shown} is not UTF-8", f"Rename it, or leave it out by {OWN}."
        ) from error


def _check_link(path: str, target: str) -> None:
    _check_name(target)
    led = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if os.path.isabs(target) or led == ".." or led.startswith("../"):
        raise DeployZeroException(
            f"the symbolic link {path} leads out of the folder, to {target}",
            f"Put what it leads to into the folder, or leave the link out by {OWN}.",
        )
