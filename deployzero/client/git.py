"""What git knows of a folder. Without git, or a repository, it knows nothing."""

import os
import subprocess
from pathlib import Path

LIMIT = 20.0
NO_PROGRAMS = (
    "--no-pager", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
    "-c", "log.showSignature=false",
)  # fmt: skip
"""A folder's own `.git/config` may name programs: who only uploads the folder runs none of them.
Hence no `git status` either, which runs filters."""
NO_REMOTES = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
"""What a partial clone lacks is not fetched: that would be by programs of its config."""


def git_root(folder: Path) -> Path | None:
    """Its repository's folder; `.git` is a file in worktrees and submodules."""
    for each in (folder, *folder.parents):
        if (each / ".git").exists():
            return each
    return None


def git_folder(root: Path) -> Path:
    """Where its config and info/exclude are."""
    git = root / ".git"
    try:
        if git.is_file():
            git = root / git.read_text().removeprefix("gitdir:").strip()
            common = git / "commondir"
            if common.is_file():  # a worktree's
                git = git / common.read_text().strip()
    except (OSError, ValueError):
        return root / ".git"
    return git


def run(folder: Path, *arguments: str) -> bytes | None:
    """What git prints; None if it cannot or there is none."""
    try:
        done = subprocess.run(  # noqa: S603 - only git
            ["git", *NO_PROGRAMS, *arguments],  # noqa: S607
            cwd=folder, env=os.environ | NO_REMOTES, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=LIMIT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def is_there() -> bool:
    return any(
        os.access(Path(folder) / name, os.X_OK)
        for folder in os.get_exec_path()
        for name in ("git", "git.exe")
    )


def tracked_and_ignored(folder: Path) -> frozenset[str]:
    """Files that are committed though a rule ignores them (`git add --force`)."""
    found = run(folder, "ls-files", "-z", "--cached", "--ignored", "--exclude-standard")
    return frozenset(os.fsdecode(each) for each in (found or b"").split(b"\0") if each)


def subject(folder: Path) -> str:
    """The subject of the last commit of the folder; empty if there is none."""
    found = run(folder, "log", "-1", "--format=%s", "--", ".")
    return (found or b"").decode(errors="replace").strip()
