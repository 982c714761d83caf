"""Domains: the host names that an app answers to beside its own."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.domains import covering, covers
from deployzero.store.driver_errors import unique
from deployzero.store.tables import DomainRow, ServerRow


@dataclass(frozen=True, slots=True)
class Domain:
    name: str
    project_id: int


async def of_project(session: AsyncSession, project_id: int) -> list[str]:
    """By name."""
    query = select(DomainRow.name).where(DomainRow.project_id == project_id)
    return list(await session.scalars(query.order_by(DomainRow.name)))


async def hold(session: AsyncSession) -> None:
    """Nobody else adds a domain until the transaction ends. SQLite has one writer anyway."""
    await session.execute(select(ServerRow.key).order_by(ServerRow.key).with_for_update())


async def touching(session: AsyncSession, name: str) -> list[Domain]:
    """Those that are this name, cover it, or that it covers."""
    conditions: list[ColumnElement[bool]] = [DomainRow.name.in_([name, covering(name)])]
    if name.startswith("*."):
        conditions.append(DomainRow.name.endswith(name[1:], autoescape=True))
    rows = await session.scalars(select(DomainRow).where(or_(*conditions)))
    return [
        Domain(row.name, row.project_id)
        for row in rows
        if row.name == name or covers(row.name, name) or covers(name, row.name)
    ]


async def add(session: AsyncSession, project_id: int, names: Iterable[str]) -> None:
    """Raises ConflictError if a name is taken."""
    for name in names:
        async with unique(session, f"{name} is in use by another app"):
            session.add(DomainRow(project_id=project_id, name=name))
            await session.flush()


async def remove(session: AsyncSession, project_id: int, names: Collection[str]) -> None:
    """Idempotent."""
    await session.execute(
        delete(DomainRow).where(DomainRow.project_id == project_id, DomainRow.name.in_(names))
    )
