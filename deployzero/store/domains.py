"""Domains: the host names that an app answers to beside its own."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.store.tables import DomainRow


async def of_project(session: AsyncSession, project_id: int) -> list[str]:
    """By name."""
    query = select(DomainRow.name).where(DomainRow.project_id == project_id)
    return list(await session.scalars(query.order_by(DomainRow.name)))
