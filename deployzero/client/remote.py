"""The git remote named deployzero: it tells app and server."""

import configparser
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deployzero.errors import DeployZeroException
from deployzero.models.names import parse_app_path

NAME = "deployzero"
GIT_LIMIT = 10.0
SCP = re.compile(r"(?:[^@/]+@)?(?P<host>\[[^]]+\]|[^:/]+):(?P<path>(?!//).+)")
"""`deployzero@my.host:hello`, git's other way to write it."""


@dataclass(frozen=True, slots=True)
class Remote:
    url: str
    host: str
    port: int
    app: str

    @property
    def ssh(self) -> str:
        """`my.host:2222`, as accounts have it."""
        return f"{self.host}:{self.port}"


def git_root(folder: Path) -> Path | None:
    """The folder's own repository; its `.git` is a file in worktrees and submodules."""
    for each in (folder, *folder.parents):
        if (each / ".git").exists():
            return each
    return None


def find_remote(root: Path) -> Remote | None:
    """root: a repository's folder."""
    url = _from_git(root)
    return parse_remote(url) if url else None


def parse_remote(url: str) -> Remote | None:
    """None if it is no SSH remote of an app."""
    try:
        if "://" in url:
            parts = urlsplit(url)
            if parts.scheme != "ssh" or not parts.hostname:
                return None
            return Remote(url, parts.hostname, parts.port or 22, parse_app_path(parts.path))
        if found := SCP.fullmatch(url):
            return Remote(url, found["host"].strip("[]").lower(), 22, parse_app_path(found["path"]))
    except (ValueError, DeployZeroException):
        return None
    return None


def _from_git(root: Path) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - only git
            ["git", "remote", "get-url", NAME],  # noqa: S607
            cwd=root, capture_output=True, text=True, timeout=GIT_LIMIT, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return _from_file(root)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _from_file(root: Path) -> str | None:
    """Where git is missing."""
    parser = configparser.ConfigParser(strict=False, allow_no_value=True, interpolation=None)
    try:
        text = (_git_folder(root) / "config").read_text(errors="replace")
        # Indented lines would go on with the line before.
        parser.read_string("\n".join(line.strip() for line in text.splitlines()))
    except (OSError, configparser.Error):
        return None
    return parser.get(f'remote "{NAME}"', "url", fallback=None)


def _git_folder(root: Path) -> Path:
    """Where its config is."""
    git = root / ".git"
    if git.is_file():
        git = root / git.read_text().removeprefix("gitdir:").strip()
        common = git / "commondir"
        if common.is_file():  # a worktree's
            git = git / common.read_text().strip()
    return git
