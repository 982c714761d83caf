"""Config variables, of an app or of every app. Values come and go sealed."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.store.tables import ConfigVarRow


@dataclass(frozen=True, slots=True)
class SealedVar:
    name: str
    sealed: str
    build: bool


async def of_project(session: AsyncSession, project_id: int | None) -> list[SealedVar]:
    """By name. None: those of every app."""
    query = select(ConfigVarRow).where(_of(project_id)).order_by(ConfigVarRow.name)
    return [SealedVar(row.name, row.sealed, row.build) for row in await session.scalars(query)]


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


def _of(project_id: int | None) -> ColumnElement[bool]:
    return (
        ConfigVarRow.project_id.is_(None)
        if project_id is None
        else ConfigVarRow.project_id == project_id
    )
