"""Public keys: who a key belongs to, those of one's own and of others, and the first admin's."""

import logging
import os
from pathlib import Path

import asyncssh
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, NotFoundError, SettingsError, UsageError
from deployzero.models.access import Scope
from deployzero.models.deployment import SSHKey, User
from deployzero.operations import people
from deployzero.operations.access import PEOPLE, hold_user, named, require_admin, require_scope
from deployzero.operations.people import keep_an_admin
from deployzero.operations.public_keys import PublicKey, read_public_keys
from deployzero.settings import Settings
from deployzero.source.lines import printable
from deployzero.store import keys, users

logger = logging.getLogger(__name__)

MOST = 100
"""Keys of one user."""
ADMIN = users.ADMIN
DEMO = people.DEMO


async def authenticate(platform: Platform, fingerprint: str) -> User | None:
    """The user whose key this is (`SHA256:…`), None for an unknown key."""
    async with platform.database.read() as session:
        return await users.by_key_fingerprint(session, fingerprint)


async def add_keys(
    platform: Platform, caller: User, text: str, user: str | None = None, name: str | None = None
) -> list[SSHKey]:
    """Add public keys (OpenSSH lines) to one's own, or to another's: that admins alone may.

    name: instead of the key's comment. All or none is added. Raises UsageError for what is no
    good key, ConflictError for one that is registered already.
    """
    _own_or_admin(caller, user)
    offered = read_public_keys(text)
    if name is not None and len(offered) > 1:
        raise UsageError(
            f"one name for {len(offered)} keys", "Leave --name out, or add one a time."
        )
    chosen = printable(name or "")[:100].strip()
    if chosen == DEMO:
        raise UsageError(f"{DEMO} is what the demo's own key is called", "Choose another name.")
    async with platform.database.begin() as session:
        owner = await hold_user(session, user or caller.name)
        if len(await keys.of_user(session, owner.id)) + len(offered) > MOST:
            raise ConflictError(
                f"a user has {MOST} keys at most", "Remove those that nobody uses: keys:remove KEY"
            )
        return [await _add(session, caller, owner, key, chosen) for key in offered]


async def _add(
    session: AsyncSession, caller: User, owner: User, key: PublicKey, name: str
) -> SSHKey:
    found = await keys.by_fingerprint(session, key.fingerprint)
    if found is not None:
        raise _taken(caller, found[1], key.fingerprint)
    return await keys.add(
        session, owner.id, _label(name, key.comment, owner.name), key.line, key.fingerprint
    )


def _label(*wanted: str) -> str:
    """The first that says something and is not what the demo's key is called."""
    return next(name for name in (*wanted, "key") if name not in ("", DEMO))


def _taken(caller: User, owner: str, fingerprint: str) -> ConflictError:
    if owner == caller.name:
        return ConflictError(f"the key {fingerprint} is yours already", "`keys:list` shows yours.")
    whose = f"is {owner}'s already" if caller.role == ADMIN else "is registered already"
    return ConflictError(
        f"the key {fingerprint} {whose}",
        "A key signs in one user: use another key, or have it removed there first.",
    )


async def list_keys(platform: Platform, caller: User, user: str | None = None) -> list[SSHKey]:
    """One's own keys, or another's: these admins alone may see."""
    _own_or_admin(caller, user, Scope.READ)
    async with platform.database.read() as session:
        return await keys.of_user(session, (await named(session, user or caller.name)).id)


async def remove_key(platform: Platform, caller: User, key: str, user: str | None = None) -> SSHKey:
    """Remove a key by its name or fingerprint; its sessions end at once.

    Admins may remove another's, by `user` or by its fingerprint. Raises NotFoundError,
    ConflictError if several have the name or no admin would have a key left.
    """
    _own_or_admin(caller, user)
    async with platform.database.begin() as session:
        admins = {admin.id for admin in await users.locked_admins(session)}
        owner = await named(session, user or caller.name)
        found = await _matching(session, caller, owner, key)
        await keys.remove(session, found)
        if found.user_id in admins:
            await keep_an_admin(session, owner.name)
    platform.bus.publish(PEOPLE)
    return found


async def remove_by_id(platform: Platform, caller: User, key_id: int) -> SSHKey:
    """The same for one of one's own by its id."""
    require_scope(caller, Scope.ADMIN)
    own = await list_keys(platform, caller)
    found = next((key for key in own if key.id == key_id), None)
    if found is None:
        raise NotFoundError(f"you have no SSH key {key_id}", "`keys:list` shows yours.")
    return await remove_key(platform, caller, found.fingerprint)


async def _matching(session: AsyncSession, caller: User, owner: User, key: str) -> SSHKey:
    wanted = key if key.startswith("SHA256:") else f"SHA256:{key}"
    theirs = await keys.of_user(session, owner.id)
    matches = [each for each in theirs if each.fingerprint == wanted] or [
        each for each in theirs if each.name == key
    ]
    if (
        not matches
        and caller.role == ADMIN
        and (found := await keys.by_fingerprint(session, wanted))
    ):
        matches = [found[0]]
    if not matches:
        whose = "you have" if owner.id == caller.id else f"{owner.name} has"
        listed = "keys:list" if owner.id == caller.id else f"keys:list {owner.name}"
        raise NotFoundError(f"{whose} no key {printable(key)[:80]}", f"`{listed}` shows them.")
    if len(matches) > 1:
        raise ConflictError(
            f"{len(matches)} keys have that name",
            "Name one by its fingerprint: " + ", ".join(each.fingerprint for each in matches),
        )
    return matches[0]


def _own_or_admin(caller: User, user: str | None, scope: Scope = Scope.ADMIN) -> None:
    """scope: what an API key needs to have."""
    require_scope(caller, scope)
    if user is not None and user != caller.name:
        require_admin(caller)


async def ensure_admin(platform: Platform) -> int:
    """Give the administrator the keys of ADMIN_KEYS, or the operator's own while no admin has any.

    Those that were removed stay so, unless no admin would have a key: nobody is locked out.
    Returns how many keys admins have. Raises SettingsError for a broken file.
    """
    async with platform.database.begin() as session:
        admin = await users.first_admin(session, ADMIN)
        registered = await keys.of_role(session, ADMIN)
        nobody = all(key.name == DEMO for key in registered)
        offered = {
            _fingerprint(line, origin): (line, origin)
            for line, origin in _offered(platform.settings, nobody)
        }
        removed = set() if nobody else await keys.removed(session, offered)
        for fingerprint, (line, origin) in offered.items():
            found = await keys.by_fingerprint(session, fingerprint)
            if fingerprint in removed:
                logger.warning("%s of %s was removed: keys:add lets it in", fingerprint, origin)
            elif found is None:
                await keys.add(session, admin.id, _label(origin.stem), line, fingerprint)
            elif all(key.fingerprint != fingerprint for key in registered):
                logger.warning("%s of %s is %s's, no admin's", fingerprint, origin, found[1])
        return len(await keys.of_role(session, ADMIN))


async def add_key(platform: Platform, user: str, name: str, line: str) -> str:
    """Add a public key (one OpenSSH line); returns its fingerprint. Known keys are kept."""
    fingerprint = _fingerprint(line, Path(name))
    async with platform.database.begin() as session:
        owner = await users.by_name(session, user) or await users.first_admin(session, user)
        if await users.by_key_fingerprint(session, fingerprint) is None:
            await keys.add(session, owner.id, name, line, fingerprint)
    return fingerprint


async def administrator(platform: Platform) -> User:
    async with platform.database.begin() as session:
        return await users.first_admin(session, ADMIN)


async def count(platform: Platform) -> int:
    """How many keys admins have to push with."""
    async with platform.database.read() as session:
        return sum(key.name != DEMO for key in await keys.of_role(session, ADMIN))


def _offered(settings: Settings, nobody: bool) -> list[tuple[str, Path]]:
    if settings.admin_keys is not None:
        files = [settings.admin_keys]
    elif nobody:
        found = sorted(file for home in _homes() for file in (home / ".ssh").glob("*.pub"))
        files = [file for file in found if not file.name.endswith("-cert.pub")]
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
