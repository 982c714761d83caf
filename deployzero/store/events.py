"""The audit log."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.event import Event
from deployzero.store.tables import AccessRow, EventRow, ProjectRow, now

UNDER_WAY = "under way"
"""The result of what has not ended yet; only a kill leaves it there."""
INTERRUPTED = "deployzero was stopped in the middle"


async def add(
    session: AsyncSession,
    *,
    user: str,
    key_fingerprint: str,
    action: str,
    app: str,
    project_id: int | None,
    detail: str,
    result: str,
    at: dt.datetime | None = None,
) -> int:
    """Returns its id. app: its name. project_id: the app itself; None: there is none of that
    name. at: None: now.
    """
    row = EventRow(
        at=at or now(),
        user=user,
        key_fingerprint=key_fingerprint,
        action=action,
        app=app,
        project_id=project_id,
        detail=detail,
        result=result,
    )
    session.add(row)
    await session.flush()
    return row.id


async def end_interrupted(session: AsyncSession) -> None:
    """For the start of a server: whatever is under way by the rows has no one who ends it."""
    await session.execute(
        update(EventRow).where(EventRow.result == UNDER_WAY).values(result=INTERRUPTED)
    )


async def latest(
    session: AsyncSession,
    most: int,
    *,
    app: str | None = None,
    user_id: int | None = None,
    project_id: int | None = None,
    before: int | None = None,
) -> list[Event]:
    """The latest `most`, oldest first.

    app: of this one alone, under earlier names too, and of those that had its name before.
    user_id: only of apps that this user owns or was given access to, and of no others that
    had the names of these. project_id: of this app alone. before: only with a lower id.
    """
    query = _of(app, user_id, project_id)
    if before is not None:
        query = query.where(EventRow.id < before)
    query = query.order_by(EventRow.id.desc()).limit(most)
    return [_event(row) for row in await session.scalars(query)][::-1]


async def after(
    session: AsyncSession,
    last: int,
    most: int,
    *,
    app: str | None = None,
    user_id: int | None = None,
    project_id: int | None = None,
) -> list[Event]:
    """The first `most` of those that have ended with an id above `last`, oldest first; as
    `latest` otherwise. What ends gets a new id, and so comes then.
    """
    ended = (EventRow.id > last) & (EventRow.result != UNDER_WAY)
    query = _of(app, user_id, project_id).where(ended).order_by(EventRow.id).limit(most)
    return [_event(row) for row in await session.scalars(query)]


async def beyond(session: AsyncSession, before: dt.datetime, most: int, batch: int) -> list[int]:
    """Ids among the `batch` oldest that are older than `before` or not of the latest `most` ids.

    Ids rise with time; also those count that a row under way, or a failed transaction, took.
    """
    old = (EventRow.id <= await last_id(session) - most) | (EventRow.at < before)
    oldest = select(EventRow.id, old.label("old")).order_by(EventRow.id).limit(batch)
    return [row.id for row in await session.execute(oldest) if row.old]


async def remove(session: AsyncSession, ids: Sequence[int]) -> None:
    await session.execute(delete(EventRow).where(EventRow.id.in_(ids)))


async def last_id(session: AsyncSession) -> int:
    return await session.scalar(select(func.max(EventRow.id))) or 0


def _of(app: str | None, user_id: int | None, project_id: int | None) -> Select[EventRow]:
    query = select(EventRow)
    if project_id is not None:
        query = query.where(EventRow.project_id == project_id)
    if app is not None:
        called_so = select(ProjectRow.id).where(ProjectRow.name == app)
        query = query.where((EventRow.app == app) | EventRow.project_id.in_(called_so))
    if user_id is not None:
        shared = select(AccessRow.project_id).where(AccessRow.user_id == user_id)
        theirs = select(ProjectRow.id).where(
            (ProjectRow.user_id == user_id) | ProjectRow.id.in_(shared), ~ProjectRow.destroying
        )
        if app is not None:
            theirs = theirs.where(ProjectRow.name == app)
        query = query.where(EventRow.project_id.in_(theirs))
    return query


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
