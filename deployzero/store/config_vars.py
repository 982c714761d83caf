"""Config variables, of an app or of every app. Values come and go sealed."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.deployment import UNFINISHED
from deployzero.models.release import Kind
from deployzero.store.tables import ConfigVarRow, DeploymentRow, ProjectRow, ServerRow, is_in

STORING = (Kind.CONFIG, Kind.ROLLBACK)
"""The deployments that store an app's variables when they go live."""


@dataclass(frozen=True, slots=True)
class SealedVar:
    name: str
    sealed: str
    build: bool


async def of_project(session: AsyncSession, project_id: int | None) -> list[SealedVar]:
    """By name. None: those of every app."""
    query = select(ConfigVarRow).where(_of(project_id)).order_by(ConfigVarRow.name)
    return [SealedVar(row.name, row.sealed, row.build) for row in await session.scalars(query)]


async def lock(session: AsyncSession, project_id: int | None) -> None:
    """Until the transaction ends nobody else changes them. SQLite has one writer anyway."""
    if project_id is None:
        await session.execute(select(ServerRow.key).with_for_update())
    else:
        of_it = ProjectRow.id == project_id
        await session.execute(select(ProjectRow.id).where(of_it).with_for_update())


async def replace(
    session: AsyncSession, project_id: int | None, variables: Iterable[SealedVar]
) -> None:
    """Make these all that there are."""
    await session.execute(delete(ConfigVarRow).where(_of(project_id)))
    session.add_all(
        ConfigVarRow(project_id=project_id, name=each.name, sealed=each.sealed, build=each.build)
        for each in variables
    )
    await session.flush()


async def pending(session: AsyncSession, project_id: int) -> list[tuple[int, Kind, str | None]]:
    """(deployment id, kind, sealed change) of those that will store variables, oldest first."""
    query = (
        select(DeploymentRow.id, DeploymentRow.kind, DeploymentRow.change)
        .where(
            DeploymentRow.project_id == project_id,
            is_in(UNFINISHED),
            DeploymentRow.kind.in_(STORING),
        )
        .order_by(DeploymentRow.id)
    )
    return [(row.id, row.kind, row.change) for row in await session.execute(query)]


async def set_change(session: AsyncSession, deployment_id: int, sealed: str) -> None:
    await session.execute(
        update(DeploymentRow).where(DeploymentRow.id == deployment_id).values(change=sealed)
    )


def _of(project_id: int | None) -> ColumnElement[bool]:
    return (
        ConfigVarRow.project_id.is_(None)
        if project_id is None
        else ConfigVarRow.project_id == project_id
    )
