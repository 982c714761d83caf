"""Projects: the apps, by their one name."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.deployment import Project
from deployzero.store.driver_errors import unique
from deployzero.store.tables import AccessRow, ProjectRow


async def create(session: AsyncSession, name: str, user_id: int) -> Project:
    """Make an app. Raises ConflictError if the name is taken, by whomever."""
    row = ProjectRow(name=name, user_id=user_id)
    async with unique(session, f"the name {name} is taken", "Choose another name for the app."):
        session.add(row)
        await session.flush()
    return _project(row)


async def by_name(session: AsyncSession, name: str) -> Project | None:
    row = await session.scalar(select(ProjectRow).where(ProjectRow.name == name))
    return _project(row) if row else None


async def settle_deploy_branch(session: AsyncSession, project_id: int, branch: str) -> str:
    """Set the deploy branch if there is none yet; return the one that holds."""
    await session.execute(
        update(ProjectRow)
        .where(ProjectRow.id == project_id, ProjectRow.deploy_branch.is_(None))
        .values(deploy_branch=branch)
    )
    query = select(ProjectRow.deploy_branch).where(ProjectRow.id == project_id)
    return await session.scalar(query) or branch


async def visible_to(session: AsyncSession, user_id: int | None) -> list[Project]:
    """The apps that a user owns or was given access to, by name. None: every app."""
    query = select(ProjectRow).where(~ProjectRow.destroying).order_by(ProjectRow.name)
    if user_id is not None:
        shared = select(AccessRow.project_id).where(AccessRow.user_id == user_id)
        query = query.where((ProjectRow.user_id == user_id) | ProjectRow.id.in_(shared))
    return [_project(row) for row in await session.scalars(query)]


async def every(session: AsyncSession) -> list[Project]:
    """All, those being destroyed included, by name."""
    query = select(ProjectRow).order_by(ProjectRow.name)
    return [_project(row) for row in await session.scalars(query)]


def _project(row: ProjectRow) -> Project:
    return Project(
        id=row.id,
        name=row.name,
        user_id=row.user_id,
        deploy_branch=row.deploy_branch,
        created_at=row.created_at,
        locked_by=row.locked_by,
        stopped=row.stopped,
        destroying=row.destroying,
        previous_name=row.previous_name,
        formation=row.formation,
        limits=row.limits,
        checks=row.checks,
    )
