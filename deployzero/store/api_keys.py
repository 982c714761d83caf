"""API keys and browsers' sessions, known by the SHA-256 of what they are."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.access import Scope
from deployzero.models.api_key import APIKey
from deployzero.models.deployment import User
from deployzero.store.tables import APIKeyRow, ProjectRow, UserRow, now


async def add(
    session: AsyncSession,
    user_id: int,
    *,
    name: str,
    sha256: str,
    prefix: str,
    scope: Scope = Scope.ADMIN,
    project_id: int | None = None,
    expires_at: dt.datetime | None = None,
    of_browser: bool = False,
) -> APIKey:
    row = APIKeyRow(
        user_id=user_id,
        name=name,
        sha256=sha256,
        prefix=prefix,
        scope=scope,
        project_id=project_id,
        session=of_browser,
        expires_at=expires_at,
    )
    session.add(row)
    await session.flush()
    project = select(ProjectRow.name).where(ProjectRow.id == project_id)
    return _key(row, await session.scalar(project) if project_id else None)


async def by_sha256(session: AsyncSession, sha256: str) -> tuple[User, APIKey] | None:
    """The key, expired or not, and its user as it signs them in; not of who was removed."""
    return await _one(session, _signing_in().where(APIKeyRow.sha256 == sha256))


async def by_id(session: AsyncSession, key_id: int) -> tuple[User, APIKey] | None:
    """The same."""
    return await _one(session, _signing_in().where(APIKeyRow.id == key_id))


async def of_user(session: AsyncSession, user_id: int) -> list[APIKey]:
    """Oldest first, expired ones too; browsers' sessions are left out."""
    query = (
        select(APIKeyRow, ProjectRow.name)
        .join(ProjectRow, APIKeyRow.project_id == ProjectRow.id, isouter=True)
        .where(APIKeyRow.user_id == user_id, ~APIKeyRow.session)
        .order_by(APIKeyRow.id)
    )
    return [_key(row, project) for row, project in await session.execute(query)]


async def remove(session: AsyncSession, key_id: int) -> None:
    await session.execute(delete(APIKeyRow).where(APIKeyRow.id == key_id))


async def remove_expired(session: AsyncSession, user_id: int, sessions: bool) -> None:
    """One user's keys that have expired, or their browsers' sessions."""
    await session.execute(
        delete(APIKeyRow).where(
            APIKeyRow.user_id == user_id,
            APIKeyRow.session == sessions,
            APIKeyRow.expires_at <= now(),
        )
    )


async def remove_sessions(session: AsyncSession, user_id: int) -> None:
    """Sign a user's browsers out."""
    await session.execute(delete(APIKeyRow).where(APIKeyRow.user_id == user_id, APIKeyRow.session))


async def remove_older(
    session: AsyncSession, user_id: int, name: str, sessions: bool, keep: int
) -> None:
    """Of a user's keys of one name that expire, or of their browsers' sessions, the newest stay."""
    alike = select(APIKeyRow.id).where(
        APIKeyRow.user_id == user_id,
        APIKeyRow.name == name,
        APIKeyRow.session == sessions,
        APIKeyRow.expires_at.is_not(None),
    )
    old = await session.scalars(alike.order_by(APIKeyRow.id.desc()).offset(keep))
    await session.execute(delete(APIKeyRow).where(APIKeyRow.id.in_(old.all())))


async def set_used(session: AsyncSession, used: Mapping[int, dt.datetime]) -> None:
    """used: a key's id to when it was. Those that are gone are left out."""
    for key_id, at in used.items():
        await session.execute(
            update(APIKeyRow).where(APIKeyRow.id == key_id).values(last_used_at=at)
        )


def _signing_in() -> Select[APIKeyRow, UserRow, str]:
    return (
        select(APIKeyRow, UserRow, ProjectRow.name)
        .join(UserRow, APIKeyRow.user_id == UserRow.id)
        .join(ProjectRow, APIKeyRow.project_id == ProjectRow.id, isouter=True)
        .where(UserRow.removed_at.is_(None))
    )


async def _one(
    session: AsyncSession, query: Select[APIKeyRow, UserRow, str]
) -> tuple[User, APIKey] | None:
    if (found := (await session.execute(query)).first()) is None:
        return None
    row, user, project = found
    signed_in = User(
        user.id, user.name, user.role, row.prefix, row.scope, row.project_id, api_key_id=row.id
    )
    return signed_in, _key(row, project)


def _key(row: APIKeyRow, project: str | None) -> APIKey:
    return APIKey(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        prefix=row.prefix,
        scope=row.scope,
        project_id=row.project_id,
        session=row.session,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        project_name=project,
    )
