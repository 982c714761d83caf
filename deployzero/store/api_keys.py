"""API keys and browsers' sessions, known by the SHA-256 of what they are."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.access import Scope
from deployzero.models.api_key import APIKey
from deployzero.models.deployment import User
from deployzero.store.tables import APIKeyRow, UserRow


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
    return _key(row)


async def by_sha256(session: AsyncSession, sha256: str) -> tuple[User, APIKey] | None:
    """The key, expired or not, and its user as it signs them in; not of who was removed."""
    query = select(APIKeyRow, UserRow).join(UserRow, APIKeyRow.user_id == UserRow.id)
    found = await session.execute(
        query.where(APIKeyRow.sha256 == sha256, UserRow.removed_at.is_(None))
    )
    if (pair := found.first()) is None:
        return None
    row, user = pair
    return User(user.id, user.name, user.role, row.prefix, row.scope, row.project_id), _key(row)


def _key(row: APIKeyRow) -> APIKey:
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
    )
