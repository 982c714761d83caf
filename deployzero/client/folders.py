"""Which app, on which server, a folder is: by its link, or by its git remote."""

from dataclasses import dataclass
from pathlib import Path

from deployzero.client.accounts import Config
from deployzero.client.addresses import is_loopback
from deployzero.client.git import git_root
from deployzero.client.remote import Remote, find_remote


@dataclass(frozen=True, slots=True)
class Place:
    folder: Path
    """The one that is linked, or the repository's: the one asked about, or one above it."""
    app: str
    server: str | None
    """None: of a git remote whose server nobody has signed in to."""
    remote: Remote | None = None


def find(config: Config, folder: Path) -> Place | None:
    """Its link, or that of a folder above it within its repository; then the git remote."""
    folder = folder.resolve()
    root = git_root(folder)
    for each in (folder, *folder.parents):
        if link := config.links.get(str(each)):
            return Place(each, link.app, link.server)
        if each == root or root is None:
            break
    remote = find_remote(root) if root else None
    if root is None or remote is None:
        return None
    return Place(root, remote.app, server_of(config, remote), remote)


def server_of(config: Config, remote: Remote) -> str | None:
    """Of the account that the remote is on, the last one signed in to first."""
    for account in reversed(config.accounts.values()):
        host, _, port = account.ssh.rpartition(":")
        here = is_loopback(host.strip("[]")) and is_loopback(remote.host)
        if port == str(remote.port) and (host.strip("[]").lower() == remote.host or here):
            return account.server
    return None
