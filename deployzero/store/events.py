"""The audit log."""

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.event import Event
from deployzero.store.tables import AccessRow, EventRow, ProjectRow


async def add(
    session: AsyncSession,
    *,
    user: str,
    key_fingerprint: str,
    action: str,
    app: str,
    detail: str,
    result: str,
) -> None:
    session.add(
        EventRow(
            user=user,
            key_fingerprint=key_fingerprint,
            action=action,
            app=app,
            detail=detail,
            result=result,
        )
    )


async def latest(
    session: AsyncSession, most: int, *, app: str | None = None, user_id: int | None = None
) -> list[Event]:
    """The latest `most`, oldest first.

    app: of this one alone. user_id: only of apps that this user owns or was given access to,
    since these exist: the name may have been another's before.
    """
    query = _of(app, user_id).order_by(EventRow.id.desc()).limit(most)
    return [_event(row) for row in await session.scalars(query)][::-1]


async def after(
    session: AsyncSession,
    last: int,
    most: int,
    *,
    app: str | None = None,
    user_id: int | None = None,
) -> list[Event]:
    """The first `most` of those with an id above `last`, oldest first; as `latest` otherwise."""
    query = _of(app, user_id).where(EventRow.id > last).order_by(EventRow.id).limit(most)
    return [_event(row) for row in await session.scalars(query)]


async def last_id(session: AsyncSession) -> int:
    return await session.scalar(select(func.max(EventRow.id))) or 0


def _of(app: str | None, user_id: int | None) -> Select[EventRow]:
    query = select(EventRow)
    if app is not None:
        query = query.where(EventRow.app == app)
    if user_id is None:
        return query
    shared = select(AccessRow.project_id).where(AccessRow.user_id == user_id)
    theirs = (ProjectRow.user_id == user_id) | ProjectRow.id.in_(shared)
    same = and_(ProjectRow.name == EventRow.app, EventRow.at >= ProjectRow.created_at)
    return query.join(ProjectRow, same).where(theirs, ~ProjectRow.destroying)


def _event(row: EventRow) -> Event:
    return Event(
        id=row.id,
        at=row.at,
        user=row.user,
        key_fingerprint=row.key_fingerprint,
        action=row.action,
        app=row.app,
        detail=row.detail,
        result=row.result,
    )
