"""Users: who may do anything here."""

from sqlalchemy import Executable, select
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.deployment import User
from deployzero.store.driver_errors import unique
from deployzero.store.tables import SSHKeyRow, UserRow

ADMIN = "admin"
MEMBER = "member"


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


async def by_name(session: AsyncSession, name: str) -> User | None:
    return await _one(session, select(UserRow).where(UserRow.name == name))


async def by_key_fingerprint(session: AsyncSession, fingerprint: str) -> User | None:
    """Whose SSH key this is; the answer carries the fingerprint."""
    query = select(UserRow).join(SSHKeyRow, SSHKeyRow.user_id == UserRow.id)
    return await _one(session, query.where(SSHKeyRow.fingerprint == fingerprint), fingerprint)


async def first_admin(session: AsyncSession, name: str = ADMIN) -> User:
    """The oldest admin, made now under `name` if there is none."""
    query = select(UserRow).where(UserRow.role == ADMIN).order_by(UserRow.id).limit(1)
    return await _one(session, query) or await create(session, name, ADMIN)


async def _one(session: AsyncSession, query: Executable, fingerprint: str = "") -> User | None:
    row: UserRow | None = await session.scalar(query)
    return _user(row, fingerprint) if row else None


def _user(row: UserRow, fingerprint: str = "") -> User:
    return User(row.id, row.name, row.role, fingerprint)
