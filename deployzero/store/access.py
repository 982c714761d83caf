"""Who else may do what with an app: beside its owner and the admins."""

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.access import Role
from deployzero.store.tables import AccessRow, ProjectRow, UserRow


async def role_of(session: AsyncSession, project_id: int, user_id: int) -> Role | None:
    """What was given to the user; None: nothing was."""
    found = await session.get(AccessRow, (project_id, user_id))
    return Role[found.role.upper()] if found else None


async def give(session: AsyncSession, project_id: int, user_id: int, role: Role) -> None:
    """Give a role in place of the one they have."""
    await session.merge(AccessRow(project_id=project_id, user_id=user_id, role=role.word))
    await session.flush()


async def take(session: AsyncSession, project_id: int, user_id: int) -> None:
    await session.execute(
        delete(AccessRow).where(AccessRow.project_id == project_id, AccessRow.user_id == user_id)
    )


async def of_project(session: AsyncSession, project_id: int) -> list[tuple[str, Role]]:
    """Names and what was given to them, by name; the one who owns the app is not among them."""
    query = select(UserRow.name, AccessRow.role).join(AccessRow, AccessRow.user_id == UserRow.id)
    rows = await session.execute(
        query.where(AccessRow.project_id == project_id).order_by(UserRow.name)
    )
    return [(name, Role[role.upper()]) for name, role in rows]


async def set_owner(session: AsyncSession, project_id: int, user_id: int) -> None:
    await session.execute(
        update(ProjectRow).where(ProjectRow.id == project_id).values(user_id=user_id)
    )
