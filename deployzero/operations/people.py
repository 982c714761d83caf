"""Who may sign in: users, added, removed and given roles by admins."""

import re

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, UsageError
from deployzero.models.deployment import User
from deployzero.operations.access import PEOPLE, hold_user, named, no_such_user, require_admin
from deployzero.source.lines import printable
from deployzero.store import users
from deployzero.store.users import UserEntry

ADMIN, MEMBER = users.ADMIN, users.MEMBER
DEMO = "demo"
"""Name of the key that the demo pushes with; nobody signs in with it, and no other has it."""
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,30}[a-z0-9])?")


async def add_user(platform: Platform, caller: User, name: str, role: str = users.MEMBER) -> bool:
    """Add a user without keys; True if they had been removed and are back. Admins only.

    Raises UsageError for a bad name, ConflictError if it is taken.
    """
    require_admin(caller)
    check_name(name)
    async with platform.database.begin() as session:
        revived = await users.revive(session, name, role)
        if revived is None:
            await users.create(session, name, role)
    return revived is not None


def check_name(name: str) -> None:
    """Raise UsageError for what is no user name."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"bad user name {printable(name)[:40]!r}",
            "A name is 1 to 32 of a-z, 0-9, '.', '_' and '-', "
            "and begins and ends with a letter or digit.",
        )


async def list_users(platform: Platform, caller: User) -> list[UserEntry]:
    """All users, by name. Admins only."""
    require_admin(caller)
    async with platform.database.read() as session:
        return await users.every(session)


async def find_user(platform: Platform, caller: User, name: str) -> UserEntry:
    """One user, as `list_users` shows them. Admins only. Raises NotFoundError."""
    found = [each for each in await list_users(platform, caller) if each.name == name]
    if not found:
        raise no_such_user(name)
    return found[0]


async def remove_user(platform: Platform, caller: User, name: str) -> None:
    """Take a user's keys and access at once; their sessions end. Admins only.

    Raises ConflictError while they own apps, and for the last admin.
    """
    require_admin(caller)
    async with platform.database.begin() as session:
        await users.locked_admins(session)
        user = await hold_user(session, name, alone=True)
        if owned := await users.apps_of(session, user.id):
            shown = ", ".join(owned[:10]) + (" …" if len(owned) > 10 else "")
            raise ConflictError(
                f"{name} owns {shown}",
                f"First give each away (access:transfer {owned[0]} USER) or destroy it.",
            )
        await users.remove(session, user.id)
        if user.role == users.ADMIN:
            await keep_an_admin(session, name)
    platform.bus.publish(PEOPLE)


async def set_role(platform: Platform, caller: User, name: str, role: str) -> None:
    """Make a user `admin` or `member`. Admins only. Raises ConflictError for the last admin."""
    require_admin(caller)
    async with platform.database.begin() as session:
        await users.locked_admins(session)
        user = await named(session, name)
        await users.set_role(session, user.id, role)
        if user.role == users.ADMIN != role:
            await keep_an_admin(session, name)
    platform.bus.publish(PEOPLE)


async def keep_an_admin(session: AsyncSession, name: str) -> None:
    """Raise ConflictError, which undoes the transaction, if nobody could administrate any more.

    name: whom the change was about.
    """
    if not await users.locked_admins(session):
        raise ConflictError(f"{name} is the last admin", "First make somebody else admin.")
    if not await can_administrate(session):
        raise ConflictError(
            "no admin would have a key left to sign in with", "First add another: keys:add"
        )


async def can_administrate(session: AsyncSession) -> bool:
    """Whether any admin can sign in: by an SSH key, a password or an API key of full scope."""
    return await users.anyone_is_able(session, users.ADMIN, but_key=DEMO)


def was_taken(before: User, now: User) -> bool:
    """Whether who signed in as `before` is somebody else by now, or no admin any more."""
    return now.id != before.id or (before.role == ADMIN and now.role != ADMIN)
