"""What an app's history answers: its releases by their numbers, its builds by their ids."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.deployment import Deployment, State
from deployzero.models.release import NUMBERED, Kind
from deployzero.store.deployments import COLUMNS, LISTED
from deployzero.store.tables import DeploymentRow, ProjectRow, UserRow, is_in

RECENT = 1000
"""An index of failures alone would cost each deployment something; this bounds the search."""


@dataclass(frozen=True, slots=True)
class Live:
    """As much of a live deployment as a list of apps shows."""

    project_id: int
    release: int | None
    commit: str
    finished_at: dt.datetime | None


async def every_live(session: AsyncSession) -> dict[int, Live]:
    """Of all projects, by the project's id."""
    query = select(
        DeploymentRow.project_id,
        DeploymentRow.release,
        DeploymentRow.commit,
        DeploymentRow.finished_at,
    ).where(is_in(frozenset({State.LIVE})))
    return {row.project_id: Live(*row) for row in await session.execute(query)}


async def of_project(
    session: AsyncSession, project_id: int, limit: int, before: int | None = None
) -> list[Deployment]:
    """Deployments of any kind and state, newest first. before: only those with a lower id."""
    query = _select(project_id)
    if before is not None:
        query = query.where(DeploymentRow.id < before)
    return await _all(session, query.order_by(DeploymentRow.id.desc()).limit(limit))


async def numbered(
    session: AsyncSession, project_id: int, limit: int, before: int | None = None
) -> list[Deployment]:
    """The releases, newest first: what only ran one of them again is left out.

    before: only those with a lower number.
    """
    query = _releases(project_id)
    if before is not None:
        query = query.where(DeploymentRow.release < before)
    return await _all(session, query.order_by(DeploymentRow.release.desc()).limit(limit))


async def by_release(session: AsyncSession, project_id: int, release: int) -> Deployment | None:
    """What made vN, with all that is known of it."""
    query = _releases(project_id).where(DeploymentRow.release == release)
    found = await _all(session, query.with_only_columns(*COLUMNS))
    return found[0] if found else None


async def brought_by(session: AsyncSession, project_id: int, commit: str) -> Deployment | None:
    """The newest push or archive that went live with this commit."""
    brought = DeploymentRow.commit == commit, DeploymentRow.kind.in_((Kind.PUSH, Kind.ARCHIVE))
    query = _releases(project_id).where(*brought).order_by(DeploymentRow.release.desc())
    found = await _all(session, query.limit(1))
    return found[0] if found else None


async def with_image(session: AsyncSession, project_id: int) -> list[int]:
    """The numbers of releases whose image is kept, newest first: the live one is among them."""
    query = select(DeploymentRow.release).where(
        DeploymentRow.project_id == project_id,
        DeploymentRow.release.is_not(None),
        DeploymentRow.kind.in_(NUMBERED),
        DeploymentRow.image.is_not(None),
    )
    numbers = await session.scalars(query.order_by(DeploymentRow.release.desc()))
    return [number for number in numbers if number is not None]


async def newest_failed(session: AsyncSession, project_id: int) -> Deployment | None:
    query = _select(project_id).where(DeploymentRow.state == State.ERROR)
    found = await _all(session, query.order_by(DeploymentRow.id.desc()).limit(1))
    return found[0] if found else None


async def newest_failures(session: AsyncSession, limit: int) -> list[Deployment]:
    """Of all projects, newest first, among the last RECENT deployments."""
    recent = select(func.max(DeploymentRow.id) - RECENT).scalar_subquery()
    query = _every().where(DeploymentRow.state == State.ERROR, DeploymentRow.id > recent)
    return await _all(session, query.order_by(DeploymentRow.id.desc()).limit(limit))


async def ids(session: AsyncSession, project_id: int) -> set[int]:
    """Of all its deployments: they stand in the labels of containers and images."""
    query = select(DeploymentRow.id).where(DeploymentRow.project_id == project_id)
    return set(await session.scalars(query))


async def checkouts(session: AsyncSession, project_id: int) -> set[str]:
    """The folders that its deployments were given."""
    query = select(DeploymentRow.checkout).where(
        DeploymentRow.project_id == project_id, DeploymentRow.checkout != ""
    )
    return set(await session.scalars(query))


def _every() -> Select[Any]:
    return (
        select(*LISTED)
        .join(ProjectRow, ProjectRow.id == DeploymentRow.project_id)
        .join(UserRow, UserRow.id == DeploymentRow.user_id)
    )


def _select(project_id: int) -> Select[Any]:
    return _every().where(DeploymentRow.project_id == project_id)


def _releases(project_id: int) -> Select[Any]:
    return _select(project_id).where(
        DeploymentRow.release.is_not(None), DeploymentRow.kind.in_(NUMBERED)
    )


async def _all(session: AsyncSession, query: Select[Any]) -> list[Deployment]:
    return [Deployment(**row._asdict()) for row in await session.execute(query)]
