"""Who may see what. What a person may not see does not exist for them."""

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.deployment import Project, User
from deployzero.store import projects, users


async def visible_project(session: AsyncSession, user: User, app: str) -> Project | None:
    """The app if it is the user's own or the user is an admin; else None, as if it were not."""
    project = await projects.by_name(session, app)
    if project is None or (user.role != users.ADMIN and project.user_id != user.id):
        return None
    return project
