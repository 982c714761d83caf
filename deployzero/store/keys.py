"""SSH public keys, each of one user."""

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.deployment import SSHKey
from deployzero.store.driver_errors import unique
from deployzero.store.tables import RemovedKeyRow, SSHKeyRow, UserRow


async def add(
    session: AsyncSession, user_id: int, name: str, public_key: str, fingerprint: str
) -> SSHKey:
    """Register a key, removed earlier or not. Raises ConflictError if it is anybody's already."""
    row = SSHKeyRow(user_id=user_id, name=name, public_key=public_key, fingerprint=fingerprint)
    async with unique(
        session,
        f"the key {fingerprint} is registered already",
        "A key signs in one user: use another key, or remove it there first.",
    ):
        session.add(row)
        await session.flush()
    await session.execute(delete(RemovedKeyRow).where(RemovedKeyRow.fingerprint == fingerprint))
    return _key(row)


async def of_user(session: AsyncSession, user_id: int) -> list[SSHKey]:
    query = select(SSHKeyRow).where(SSHKeyRow.user_id == user_id).order_by(SSHKeyRow.id)
    return [_key(row) for row in await session.scalars(query)]


async def of_role(session: AsyncSession, role: str) -> list[SSHKey]:
    """The keys of everybody with this role."""
    query = select(SSHKeyRow).join(UserRow).where(UserRow.role == role).order_by(SSHKeyRow.id)
    return [_key(row) for row in await session.scalars(query)]


async def by_fingerprint(session: AsyncSession, fingerprint: str) -> tuple[SSHKey, str] | None:
    """The key and its user's name."""
    query = select(SSHKeyRow, UserRow.name).join(UserRow)
    row = (await session.execute(query.where(SSHKeyRow.fingerprint == fingerprint))).first()
    return (_key(row[0]), row[1]) if row else None


async def remove(session: AsyncSession, key: SSHKey) -> None:
    """And remember that it was."""
    await session.execute(delete(SSHKeyRow).where(SSHKeyRow.id == key.id))
    await session.merge(RemovedKeyRow(fingerprint=key.fingerprint))
    await session.flush()


async def removed(session: AsyncSession, fingerprints: Iterable[str]) -> set[str]:
    """Those of them that were removed, and not added again since."""
    query = select(RemovedKeyRow.fingerprint)
    return set(await session.scalars(query.where(RemovedKeyRow.fingerprint.in_(fingerprints))))


def _key(row: SSHKeyRow) -> SSHKey:
    return SSHKey(row.id, row.user_id, row.name, row.public_key, row.fingerprint, row.created_at)
