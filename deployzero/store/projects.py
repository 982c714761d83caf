"""Projects: the apps, by their one name."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.deployment import Deployment, Project
from deployzero.store import deployments
from deployzero.store.driver_errors import unique
from deployzero.store.tables import ProjectRow


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


async def listing(
    session: AsyncSession, user_id: int | None = None
) -> list[tuple[Project, Deployment | None]]:
    """Every app, or a user's own, by name, each with what is live (None: nothing is)."""
    query = select(ProjectRow).order_by(ProjectRow.name)
    if user_id is not None:
        query = query.where(ProjectRow.user_id == user_id)
    projects = [_project(row) for row in await session.scalars(query)]
    live = {
        deployment.project_id: deployment for deployment in await deployments.every_live(session)
    }
    return [(project, live.get(project.id)) for project in projects]


def _project(row: ProjectRow) -> Project:
    return Project(row.id, row.name, row.user_id, row.deploy_branch, row.created_at)
