"""uv: what uv.lock holds, workspaces and sources included."""

import fnmatch
import functools
from collections import deque
from collections.abc import Callable

from deployzero.detection.python.lock import locked_names
from deployzero.detection.python.pyproject import (
    Table,
    dynamic,
    name_dependencies,
    table,
    tables,
    texts,
)
from deployzero.detection.python.requirements import Requirements
from deployzero.detection.tree import Tree, join

FoldersOf = Callable[[str], tuple[str, ...]]
MAX_MEMBERS = 100
MOST_FOLDERS, DEEPEST = 1000, 12
"""That a pattern is looked for in; its parts."""


def uses_uv(tree: Tree, pyproject: Table) -> bool:
    """By its lock, or by tables that no other tool reads."""
    uv = table(pyproject, "tool", "uv")
    own = bool(uv.get("sources") or uv.get("workspace"))
    return bool(pyproject) and (tree.is_file("uv.lock") or own)


def read_uv(tree: Tree, pyproject: Table) -> Requirements:
    """`--locked`: where uv.lock is older than pyproject.toml, uv stops and says so."""
    locked = tree.is_file("uv.lock")
    sync = "uv sync --locked --no-dev" if locked else "uv sync --no-dev"
    if not table(pyproject, "project"):
        sync += " --all-packages"  # a workspace whose root is no project
    members = member_files(tree, pyproject)
    found = Requirements(
        manager="uv",
        adding="uv pip install",
        files=["pyproject.toml", *(["uv.lock"] if locked else []), *members],
        locked=locked_names(tree, "uv.lock"),
        reasons=["uv.lock: installed by uv" if locked else _unlocked()],
    )
    name_dependencies(pyproject, found)
    for member in members:
        name_dependencies(tree.toml(member) or {}, found)
    packaged = _packaged(pyproject)
    local = _local_sources(pyproject)
    if members:
        found.reasons.append(f"uv workspace: {', '.join(m.rpartition('/')[0] for m in members)}")
    if local or any(dynamic(tree.toml(file) or {}) for file in ("pyproject.toml", *members)):
        found.files = []
        found.after_source = [sync]
        found.reasons.append("uv runs after the source is there: some of it is built from there")
    else:
        found.command = f"{sync} --no-install-workspace"
        if packaged or members:
            found.after_source = [f"{sync} --inexact"]
    found.packaged = packaged
    return found


def _unlocked() -> str:
    return "pyproject.toml [tool.uv]: installed by uv; without uv.lock versions may change"


def _packaged(pyproject: Table) -> bool:
    given = table(pyproject, "tool", "uv").get("package")
    return given if isinstance(given, bool) else "build-system" in pyproject


def member_files(tree: Tree, pyproject: Table) -> list[str]:
    """pyproject.toml of each member but the root, which uv needs to check the lock."""
    workspace = table(pyproject, "tool", "uv", "workspace")
    excluded = texts(workspace.get("exclude"))
    found: list[str] = []
    folders_of = functools.cache(tree.folders)
    for pattern in texts(workspace.get("members"))[:MAX_MEMBERS]:
        for folder in _matching(folders_of, pattern.strip("/").removeprefix("./")):
            file = f"{folder}/pyproject.toml"
            left_out = any(fnmatch.fnmatchcase(folder, each.strip("/")) for each in excluded)
            if tree.is_file(file) and file not in found and not left_out:
                found.append(file)
    return found[:MAX_MEMBERS]


def _matching(folders_of: FoldersOf, pattern: str) -> list[str]:
    """Folders that a glob of path parts names: 'packages/*', 'packages/**'."""
    parts = pattern.split("/")
    folders = ["."] if len(parts) <= DEEPEST else []
    for part in parts:
        if part == "**":
            folders = _with_those_below(folders_of, folders)
        elif any(sign in part for sign in "*?["):
            below = [each for folder in folders for each in folders_of(folder)]
            folders = [b for b in below if fnmatch.fnmatchcase(b.rpartition("/")[2], part)]
        else:
            folders = [join(folder, part) for folder in folders]
        del folders[MOST_FOLDERS:]
    return folders


def _with_those_below(folders_of: FoldersOf, folders: list[str]) -> list[str]:
    """At any depth, once each."""
    found = dict.fromkeys(folders)
    pending = deque(found)
    while pending and len(found) < MOST_FOLDERS:
        new = [each for each in folders_of(pending.popleft()) if each not in found]
        found.update(dict.fromkeys(new))
        pending.extend(new)
    return list(found)


def _local_sources(pyproject: Table) -> bool:
    """[tool.uv.sources] that lie in the repository, workspace members apart."""
    given = table(pyproject, "tool", "uv", "sources").values()
    return any("path" in each for value in given for each in tables(value))
