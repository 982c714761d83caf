"""Invitations, known by the SHA-256 of their tokens. Open is one that is unused and has time."""

import datetime as dt

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.invitation import Invitation
from deployzero.store.tables import InvitationRow, now


async def add(
    session: AsyncSession,
    *,
    sha256: str,
    user_id: int | None,
    name: str | None,
    role: str,
    by: str,
    expires_at: dt.datetime,
) -> Invitation:
    row = InvitationRow(
        sha256=sha256, user_id=user_id, name=name, role=role, by=by, expires_at=expires_at
    )
    session.add(row)
    await session.flush()
    return _invitation(row)


async def open_by_sha256(session: AsyncSession, sha256: str) -> Invitation | None:
    row = await session.scalar(select(InvitationRow).where(InvitationRow.sha256 == sha256, _open()))
    return _invitation(row) if row else None


async def every(session: AsyncSession) -> list[Invitation]:
    """The open ones, oldest first."""
    rows = await session.scalars(select(InvitationRow).where(_open()).order_by(InvitationRow.id))
    return [_invitation(row) for row in rows]


async def count(session: AsyncSession) -> int:
    query = select(func.count()).select_from(InvitationRow).where(_open())
    return await session.scalar(query) or 0


async def use(session: AsyncSession, invitation_id: int) -> bool:
    """False: it is not open any more; of two at once one uses it."""
    used = update(InvitationRow).where(InvitationRow.id == invitation_id, _open())
    done = await session.scalars(used.values(used_at=now()).returning(InvitationRow.id))
    return done.first() is not None


async def remove(session: AsyncSession, invitation_id: int) -> None:
    await session.execute(delete(InvitationRow).where(InvitationRow.id == invitation_id))


async def remove_for(session: AsyncSession, user_id: int) -> None:
    """Those that set this user's password."""
    await session.execute(delete(InvitationRow).where(InvitationRow.user_id == user_id))


async def remove_by(session: AsyncSession, name: str) -> None:
    """Those that this user made."""
    await session.execute(delete(InvitationRow).where(InvitationRow.by == name))


async def remove_ended(session: AsyncSession) -> None:
    """Those that are used or have expired."""
    ended = or_(InvitationRow.used_at.is_not(None), InvitationRow.expires_at <= now())
    await session.execute(delete(InvitationRow).where(ended))


def _open() -> ColumnElement[bool]:
    return and_(InvitationRow.used_at.is_(None), InvitationRow.expires_at > now())


def _invitation(row: InvitationRow) -> Invitation:
    return Invitation(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        role=row.role,
        by=row.by,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
