"""Users: who may do anything here. Who was removed keeps a row, since the history names them."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Executable, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.access import Scope
from deployzero.models.deployment import User
from deployzero.store import invitations, keys
from deployzero.store.driver_errors import unique
from deployzero.store.tables import (
    AccessRow,
    APIKeyRow,
    CLILoginRow,
    InvitationRow,
    ProjectRow,
    SSHKeyRow,
    UserRow,
    now,
)

ADMIN = "admin"
MEMBER = "member"
ROLES = (ADMIN, MEMBER)


@dataclass(frozen=True, slots=True)
class UserEntry:
    """A user as a list shows them."""

    name: str
    role: str
    keys: int
    apps: int
    """How many they own."""
    created_at: dt.datetime


async def create(
    session: AsyncSession, name: str, role: str = MEMBER, api_key: str | None = None
) -> User:
    """Make a user. api_key: SHA-256 of the key in hex. Raises ConflictError if the name is taken.

    A second user with the same API key is refused in the same way.
    """
    row = UserRow(name=name, role=role, api_key=api_key)
    async with unique(session, f"the user {name} exists already", "Choose another name."):
        session.add(row)
        await session.flush()
    return _user(row)


async def revive(session: AsyncSession, name: str, role: str) -> User | None:
    """Bring back who was removed, with nothing but the name; None: nobody of that name was."""
    row = await session.scalar(
        select(UserRow).where(UserRow.name == name, UserRow.removed_at.is_not(None))
    )
    if row is None:
        return None
    await _strip(session, row.id)
    row.removed_at, row.role = None, role
    await session.flush()
    return _user(row)


async def remove(session: AsyncSession, user_id: int) -> None:
    """Take keys, password and access from a user, and set them as removed. They must own no app."""
    await _strip(session, user_id)
    row = await session.get_one(UserRow, user_id)
    row.removed_at, row.api_key, row.password, row.role = now(), None, None, MEMBER
    await session.flush()


async def _strip(session: AsyncSession, user_id: int) -> None:
    for key in await keys.of_user(session, user_id):
        await keys.remove(session, key)
    for table in (APIKeyRow, CLILoginRow, InvitationRow, AccessRow):
        await session.execute(delete(table).where(table.user_id == user_id))
    await invitations.remove_by(session, (await session.get_one(UserRow, user_id)).name)


async def set_role(session: AsyncSession, user_id: int, role: str) -> None:
    row = await session.get_one(UserRow, user_id)
    row.role = role
    await session.flush()


async def every(session: AsyncSession) -> list[UserEntry]:
    """All but those removed, by name."""
    keys = (
        select(func.count()).where(SSHKeyRow.user_id == UserRow.id).scalar_subquery().label("keys")
    )
    apps = (
        select(func.count())
        .where(ProjectRow.user_id == UserRow.id, ~ProjectRow.destroying)
        .scalar_subquery()
        .label("apps")
    )
    query = select(UserRow, keys, apps).where(UserRow.removed_at.is_(None)).order_by(UserRow.name)
    return [
        UserEntry(row.name, row.role, int(key_count), int(app_count), row.created_at)
        for row, key_count, app_count in await session.execute(query)
    ]


async def apps_of(session: AsyncSession, user_id: int) -> list[str]:
    """Names of the apps that they own, those being destroyed included."""
    query = select(ProjectRow.name).where(ProjectRow.user_id == user_id).order_by(ProjectRow.name)
    return list(await session.scalars(query))


async def locked_admins(session: AsyncSession) -> list[User]:
    """The admins, held until the transaction ends: two who demote each other go in turn."""
    query = select(UserRow).where(UserRow.role == ADMIN, UserRow.removed_at.is_(None))
    rows = await session.scalars(query.order_by(UserRow.id).with_for_update())
    return [_user(row) for row in rows]


async def anyone_is_able(session: AsyncSession, role: str, but_key: str) -> bool:
    """Whether anybody of this role can sign in and use it: by an SSH key, a password or an API
    key of full scope. but_key: an SSH key of this name does not count."""
    ssh_key = exists().where(SSHKeyRow.user_id == UserRow.id, SSHKeyRow.name != but_key)
    api_key = exists().where(
        APIKeyRow.user_id == UserRow.id,
        APIKeyRow.scope == Scope.ADMIN,
        APIKeyRow.project_id.is_(None),
        ~APIKeyRow.session,
        or_(APIKeyRow.expires_at.is_(None), APIKeyRow.expires_at > now()),
    )
    able = or_(UserRow.password.is_not(None), ssh_key, api_key)
    query = select(exists().where(UserRow.role == role, UserRow.removed_at.is_(None), able))
    return bool(await session.scalar(query))


async def anyone_has_password(session: AsyncSession) -> bool:
    return bool(await session.scalar(select(exists().where(UserRow.password.is_not(None)))))


async def password_of(session: AsyncSession, user_id: int) -> str | None:
    """Argon2's encoded hash; None: they have no password."""
    return await session.scalar(select(UserRow.password).where(UserRow.id == user_id))


async def set_password(session: AsyncSession, user_id: int, password: str) -> None:
    """password: argon2's encoded hash."""
    await session.execute(update(UserRow).where(UserRow.id == user_id).values(password=password))


async def set_api_key(session: AsyncSession, user_id: int, sha256: str) -> None:
    """Note the key that they last signed in with."""
    await session.execute(update(UserRow).where(UserRow.id == user_id).values(api_key=sha256))


async def by_name(session: AsyncSession, name: str) -> User | None:
    return await _one(session, select(UserRow).where(UserRow.name == name))


async def by_id(session: AsyncSession, user_id: int) -> User | None:
    return await _one(session, select(UserRow).where(UserRow.id == user_id))


async def hold(session: AsyncSession, name: str, alone: bool = False) -> User | None:
    """The same, who is not removed until the transaction ends. alone: nor held by others."""
    query = select(UserRow).where(UserRow.name == name).with_for_update(read=not alone)
    return await _one(session, query.execution_options(populate_existing=True))


async def by_key_fingerprint(session: AsyncSession, fingerprint: str) -> User | None:
    """Whose SSH key this is; the answer carries the fingerprint."""
    query = select(UserRow).join(SSHKeyRow, SSHKeyRow.user_id == UserRow.id)
    return await _one(session, query.where(SSHKeyRow.fingerprint == fingerprint), fingerprint)


async def first_admin(session: AsyncSession, name: str = ADMIN) -> User:
    """The oldest admin, made now under `name` if there is none."""
    query = select(UserRow).where(UserRow.role == ADMIN, UserRow.removed_at.is_(None))
    oldest = query.order_by(UserRow.id).limit(1)
    return await _one(session, oldest) or await create(session, name, ADMIN)


async def _one(session: AsyncSession, query: Executable, fingerprint: str = "") -> User | None:
    """The row that the query finds, unless it is of somebody who was removed."""
    row: UserRow | None = await session.scalar(query)
    return _user(row, fingerprint) if row and row.removed_at is None else None


def _user(row: UserRow, fingerprint: str = "") -> User:
    return User(row.id, row.name, row.role, fingerprint)
