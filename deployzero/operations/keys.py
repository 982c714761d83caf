"""Public keys: who a key belongs to, and the first administrator's."""

import os
from pathlib import Path

import asyncssh

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, SettingsError
from deployzero.models.deployment import User
from deployzero.settings import Settings
from deployzero.store import keys, users

ADMIN = users.ADMIN
DEMO = "demo"
"""Name of the key that the demo pushes with; nobody signs in with it."""


async def authenticate(platform: Platform, fingerprint: str) -> User | None:
    """The user whose key this is (`SHA256:…`), None for an unknown key."""
    async with platform.database.read() as session:
        return await users.by_key_fingerprint(session, fingerprint)


async def ensure_admin(platform: Platform) -> int:
    """Give the administrator the keys of ADMIN_KEYS, or the operator's own while there is none.

    Returns how many keys the administrator has. Raises SettingsError for a broken file.
    """
    async with platform.database.begin() as session:
        admin = await users.first_admin(session, ADMIN)
        registered = await keys.of_user(session, admin.id)
        known = {key.fingerprint for key in registered}
        nobody = all(key.name == DEMO for key in registered)
        offered = _offered(platform.settings, nobody)
        for line, origin in offered:
            fingerprint = _fingerprint(line, origin)
            if fingerprint not in known:
                await keys.add(session, admin.id, origin.stem, line, fingerprint)
                known.add(fingerprint)
    return len(known)


async def add_key(platform: Platform, user: str, name: str, line: str) -> str:
    """Add a public key (one OpenSSH line); returns its fingerprint. Known keys are kept."""
    fingerprint = _fingerprint(line, Path(name))
    async with platform.database.begin() as session:
        owner = await users.by_name(session, user)
        if owner is None:
            raise ConflictError(f"there is no user {user}", "See `deployzero up` on a new server.")
        if await users.by_key_fingerprint(session, fingerprint) is None:
            await keys.add(session, owner.id, name, line, fingerprint)
    return fingerprint


async def administrator(platform: Platform) -> User:
    async with platform.database.begin() as session:
        return await users.first_admin(session, ADMIN)


async def count(platform: Platform) -> int:
    """How many keys people have to push with."""
    async with platform.database.begin() as session:
        admin = await users.first_admin(session, ADMIN)
        return sum(key.name != DEMO for key in await keys.of_user(session, admin.id))


def _offered(settings: Settings, nobody: bool) -> list[tuple[str, Path]]:
    if settings.admin_keys is not None:
        files = [settings.admin_keys]
    elif nobody:
        files = sorted(file for home in _homes() for file in (home / ".ssh").glob("*.pub"))
    else:
        files = []
    lines = []
    for file in files:
        try:
            text = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"cannot read the public keys in {file}: {error}",
                "DEPLOYZERO_ADMIN_KEYS names a file of OpenSSH public keys, one a line.",
            ) from error
        lines += [(line.strip(), file) for line in text.splitlines() if line.strip()]
    return [(line, file) for line, file in lines if not line.startswith("#")]


def _homes() -> list[Path]:
    """The home of who runs this and, under sudo, of who called it."""
    homes = [Path.home()]
    if caller := os.environ.get("SUDO_USER"):
        homes.append(Path(f"~{caller}").expanduser())
    return list(dict.fromkeys(homes))


def _fingerprint(line: str, origin: Path) -> str:
    try:
        return asyncssh.import_public_key(line).get_fingerprint()
    except asyncssh.KeyImportError as error:
        raise SettingsError(
            f"{origin} holds a line that is no OpenSSH public key",
            "Each line reads like `ssh-ed25519 AAAA… name`; never give a private key.",
        ) from error
