"""How many there are of what, in one query each: also of a thousand apps."""

from sqlalchemy import Executable, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.deployment import UNFINISHED, State
from deployzero.store.tables import ContainerRow, DeploymentRow, ProjectRow, is_in


async def apps(session: AsyncSession) -> dict[str, int]:
    """By `live`, `stopped`, `down` (none of its processes runs) and `not deployed`."""
    live = (
        select(DeploymentRow.id, DeploymentRow.project_id)
        .where(is_in(frozenset({State.LIVE})))
        .subquery()
    )
    up = func.sum(case((ContainerRow.health != "down", 1), else_=0))
    running = (
        select(ContainerRow.deployment_id, up.label("up"))
        .group_by(ContainerRow.deployment_id)
        .subquery()
    )
    state = case(
        (live.c.id.is_(None), "not deployed"),
        (ProjectRow.stopped, "stopped"),
        (running.c.up == 0, "down"),  # one without any container has nothing that is down
        else_="live",
    ).label("state")
    states = (
        select(state)
        .select_from(ProjectRow)
        .outerjoin(live, live.c.project_id == ProjectRow.id)
        .outerjoin(running, running.c.deployment_id == live.c.id)
        .where(~ProjectRow.destroying)
        .subquery()
    )
    query = select(states.c.state, func.count()).group_by(states.c.state)
    zero = dict.fromkeys(("live", "stopped", "down", "not deployed"), 0)
    return zero | await _counts(session, query)


async def containers(session: AsyncSession) -> dict[str, int]:
    """Those that are to run, by their health."""
    query = (
        select(ContainerRow.health, func.count())
        .join(DeploymentRow, DeploymentRow.id == ContainerRow.deployment_id)
        .join(ProjectRow, ProjectRow.id == ContainerRow.project_id)
        .where(is_in(frozenset({State.LIVE})), ~ProjectRow.stopped, ~ProjectRow.destroying)
        .group_by(ContainerRow.health)
    )
    zero = dict.fromkeys(("starting", "healthy", "unhealthy", "down"), 0)
    return zero | await _counts(session, query)


async def queue(session: AsyncSession) -> dict[str, int]:
    """Deployments that wait or are under way, by state."""
    query = select(DeploymentRow.state, func.count()).where(is_in(UNFINISHED))
    found = await _counts(session, query.group_by(DeploymentRow.state))
    return {state.value: found.get(state, 0) for state in State if state in UNFINISHED}


async def _counts(session: AsyncSession, query: Executable) -> dict[str, int]:
    return {row[0]: row[1] for row in await session.execute(query)}
