"""Who may do what. What a person may not see does not exist for them."""

import difflib

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.errors import ForbiddenError, NotFoundError
from deployzero.models.access import Role
from deployzero.models.deployment import Project, User
from deployzero.store import access, projects, users


async def require(session: AsyncSession, user: User, app: str, role: Role) -> Project:
    """The app, if the user has this role with it at least.

    Raises NotFoundError if there is none, or none that the user may see: one answer for
    both; ForbiddenError if the user sees it and may not do this.
    """
    project = await projects.by_name(session, app)
    held = await role_with(session, user, project) if project else None
    if project is None or held is None:
        raise await no_such_app(session, user, app)
    if held < role:
        raise ForbiddenError(
            f"you are {_a(held)} of {app}: this needs {_a(role)}",
            f"Ask an owner for it: access:add {app} {user.name} --role {role.word}",
        )
    return project


def require_admin(user: User) -> None:
    """Raises ForbiddenError."""
    if user.role != users.ADMIN:
        raise ForbiddenError("only an admin may do this", "`users:list` shows who is one.")


async def role_with(session: AsyncSession, user: User, project: Project) -> Role | None:
    """What the user is to the app; None: it does not exist for them."""
    if project.destroying:
        return None
    if user.role == users.ADMIN:
        return Role.ADMIN
    if project.user_id == user.id:
        return Role.OWNER
    return await access.role_of(session, project.id, user.id)


async def no_such_app(session: AsyncSession, user: User, app: str) -> NotFoundError:
    """The answer for an app that is not there, and for one that the user may not see."""
    names = [project.name for project in await visible(session, user)]
    near = difflib.get_close_matches(app, names, n=2)
    shown = app if len(app) <= 60 else f"{app[:60]}…"
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return NotFoundError(f"there is no app {shown}", f"{hint}`apps:list` shows yours.")


async def visible(session: AsyncSession, user: User) -> list[Project]:
    """Every app that the user may see, by name."""
    only = None if user.role == users.ADMIN else user.id
    return await projects.visible_to(session, only)


async def visible_project(session: AsyncSession, user: User, app: str) -> Project | None:
    """The app if the user may see it; else None, as if it were not."""
    project = await projects.by_name(session, app)
    if project is None or await role_with(session, user, project) is None:
        return None
    return project


def _a(role: Role) -> str:
    return f"an {role.word}" if role.word[0] in "ao" else f"a {role.word}"
