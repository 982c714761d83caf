"""Containers: which engine object runs which process, and at what address.

The row is written before the container is made and removed after it is gone: while it
is there its address belongs to nobody else.
"""

from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.deployment import Container, State
from deployzero.store.driver_errors import unique
from deployzero.store.tables import ContainerRow, DeploymentRow, ProjectRow

COLUMNS: tuple[Any, ...] = (
    ContainerRow.id,
    ContainerRow.deployment_id,
    ContainerRow.project_id,
    ProjectRow.name.label("app"),
    ContainerRow.process,
    ContainerRow.index,
    ContainerRow.name,
    ContainerRow.address,
    ContainerRow.port,
    ContainerRow.health,
)


async def add(
    session: AsyncSession,
    deployment_id: int,
    process: str,
    index: int,
    name: str,
    address: str,
    port: int,
    health: str = "starting",
) -> Container:
    """Raises ConflictError if the name or the address is somebody's already."""
    owner = select(DeploymentRow.project_id).where(DeploymentRow.id == deployment_id)
    row = ContainerRow(
        deployment_id=deployment_id,
        project_id=await session.scalar(owner),
        process=process,
        index=index,
        name=name,
        address=address,
        port=port,
        health=health,
    )
    async with unique(session, f"the container name {name} or address {address} is taken"):
        session.add(row)
        await session.flush()
    (container,) = await _all(session, _select().where(ContainerRow.id == row.id))
    return container


async def of_deployment(session: AsyncSession, deployment_id: int) -> list[Container]:
    return await _all(session, _select().where(ContainerRow.deployment_id == deployment_id))


async def of_project(session: AsyncSession, project_id: int) -> list[Container]:
    """Of its deployments of any state."""
    return await _all(session, _select().where(ContainerRow.project_id == project_id))


async def every(session: AsyncSession) -> list[Container]:
    return await _all(session, _select())


async def addresses(session: AsyncSession, project_id: int) -> set[str]:
    """The addresses in use on the project's network."""
    query = select(ContainerRow.address).where(ContainerRow.project_id == project_id)
    return set(await session.scalars(query))


async def of_live_releases(session: AsyncSession) -> list[Container]:
    """All that are to run. Those of an app that is stopped or destroyed are not."""
    return await _all(session, _live())


async def get_live(session: AsyncSession, container_id: int) -> Container | None:
    """The container if it is to run, by the deployment that it belongs to now."""
    rows = await _all(session, _live().where(ContainerRow.id == container_id))
    return rows[0] if rows else None


async def hand_over(session: AsyncSession, container_ids: list[int], deployment_id: int) -> None:
    """Let another deployment have them, as they run."""
    await session.execute(
        update(ContainerRow)
        .where(ContainerRow.id.in_(container_ids))
        .values(deployment_id=deployment_id)
    )


async def set_reach(session: AsyncSession, container_id: int, address: str, port: int) -> Container:
    """Record where the host reaches it, when that is not its own address (a published port)."""
    await session.execute(
        update(ContainerRow)
        .where(ContainerRow.id == container_id)
        .values(address=address, port=port)
    )
    (container,) = await _all(session, _select().where(ContainerRow.id == container_id))
    return container


async def set_health(session: AsyncSession, container_id: int, health: str) -> None:
    """health: `starting`, `healthy`, `unhealthy` or `down`."""
    await session.execute(
        update(ContainerRow).where(ContainerRow.id == container_id).values(health=health)
    )


async def remove(session: AsyncSession, container_id: int) -> None:
    await session.execute(delete(ContainerRow).where(ContainerRow.id == container_id))


async def remove_of_project(session: AsyncSession, project_id: int) -> None:
    await session.execute(delete(ContainerRow).where(ContainerRow.project_id == project_id))


def _select() -> Select[Any]:
    return (
        select(*COLUMNS)
        .join(ProjectRow, ProjectRow.id == ContainerRow.project_id)
        .order_by(ContainerRow.id)
    )


def _live() -> Select[Any]:
    return (
        _select()
        .join(DeploymentRow, DeploymentRow.id == ContainerRow.deployment_id)
        .where(DeploymentRow.state == State.LIVE, ~ProjectRow.stopped, ~ProjectRow.destroying)
    )


async def _all(session: AsyncSession, query: Select[Any]) -> list[Container]:
    return [Container(**row._asdict()) for row in await session.execute(query)]
