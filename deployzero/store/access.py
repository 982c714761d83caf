"""Who else may do what with an app: beside its owner and the admins."""

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.access import Role
from deployzero.store.tables import AccessRow


async def role_of(session: AsyncSession, project_id: int, user_id: int) -> Role | None:
    """What was given to the user; None: nothing was."""
    found = await session.get(AccessRow, (project_id, user_id))
    return Role[found.role.upper()] if found else None
