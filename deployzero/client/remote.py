"""The git remote named deployzero: it tells app and server."""

import configparser
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deployzero.client import git
from deployzero.errors import DeployZeroException
from deployzero.models.names import parse_app_path

NAME = "deployzero"
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
    if not git.is_there():
        return _from_file(root)
    return (git.run(root, "remote", "get-url", NAME) or b"").decode(errors="replace").strip()


def _from_file(root: Path) -> str | None:
    parser = configparser.ConfigParser(strict=False, allow_no_value=True, interpolation=None)
    try:
        text = (git.git_folder(root) / "config").read_text(errors="replace")
        # Indented lines would go on with the line before.
        parser.read_string("\n".join(line.strip() for line in text.splitlines()))
    except (OSError, configparser.Error):
        return None
    return parser.get(f'remote "{NAME}"', "url", fallback=None)
