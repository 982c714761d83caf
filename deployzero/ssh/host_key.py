"""The server's own key, made on the first start."""

import os
from pathlib import Path

import asyncssh

from deployzero.errors import SettingsError


def load_host_key(path: Path) -> asyncssh.SSHKey:
    """Read the host key, made (ed25519, mode 0600) when there is none. Raises SettingsError."""
    if not path.exists():
        _make(path)
    try:
        return asyncssh.read_private_key(path)
    except (OSError, asyncssh.KeyImportError) as error:
        raise SettingsError(
            f"cannot read the SSH host key {path}: {error}",
            "Restore it from a backup. If it is moved away a new one is made, "
            "and every client will be warned that the host key has changed.",
        ) from error


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    key = asyncssh.generate_private_key("ssh-ed25519", comment="deployzero")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(key.export_private_key())
    draft.rename(path)
