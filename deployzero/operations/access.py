"""Who may do what. What a person may not see does not exist for them."""

import difflib
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, ForbiddenError, NotFoundError
from deployzero.models.access import Role, Scope
from deployzero.models.deployment import Project, User
from deployzero.source.lines import printable
from deployzero.store import access, projects, users

PEOPLE = "people"
"""On the bus: somebody's keys, role or access have changed."""


@dataclass(frozen=True, slots=True)
class Share:
    """What somebody may do with an app."""

    user: str
    role: Role


async def require(session: AsyncSession, user: User, app: str, role: Role) -> Project:
    """The app, if the user has this role with it at least.

    Raises NotFoundError if there is none, or none that the user may see: one answer for
    both; ForbiddenError if the user sees it and may not do this.
    """
    project = await projects.by_name(session, app)
    found = await role_with(session, user, project) if project else None
    if project is None or found is None:
        raise await no_such_app(session, user, app)
    if found < role:
        raise ForbiddenError(
            f"you are {with_article(found.word)} of {app}: this needs {with_article(role.word)}",
            f"Ask an owner for it: access:add {app} {user.name} --role {role.word}",
        )
    if role > user.scope.most:
        raise _scope_too_small(user, role)
    return project


async def hold(session: AsyncSession, user: User, app: str, role: Role) -> Project:
    """As `require`, and nobody else changes the app until the transaction ends: it is as the
    last one left it, who may have renamed or destroyed it."""
    project = await require(session, user, app, role)
    await projects.lock(session, project.id)
    now = await projects.get(session, project.id)
    if now.destroying or now.name != app:
        raise await no_such_app(session, user, app)
    return now


def require_admin(user: User, scope: Scope = Scope.ADMIN) -> None:
    """scope: what a key of the admin's needs to have. Raises ForbiddenError."""
    if user.role != users.ADMIN:
        raise ForbiddenError("only an admin may do this", "Ask an admin.")
    require_scope(user, scope)


def require_scope(user: User, scope: Scope) -> None:
    """For what is about no app: one's account and keys, a new app, the server. An app's key may
    do none of it. Raises ForbiddenError."""
    if user.only_project is not None:
        raise ForbiddenError(
            "this API key is for one app alone", "Sign in, or use a key without a project."
        )
    if scope.most > user.scope.most:
        raise _scope_too_small(user, scope.most)


def _scope_too_small(user: User, role: Role) -> ForbiddenError:
    needed = next(scope for scope in Scope if scope.most >= role)
    return ForbiddenError(
        f"this API key's scope is {user.scope}: this needs {needed}",
        f"Use a key of the scope {needed}: apikeys:create --scope {needed}",
    )


async def role_with(session: AsyncSession, user: User, project: Project) -> Role | None:
    """What the user is to the app; None: it does not exist for them."""
    if project.destroying or user.only_project not in (None, project.id):
        return None
    if user.role == users.ADMIN:
        return Role.ADMIN
    if project.user_id == user.id:
        return Role.OWNER
    return await access.role_of(session, project.id, user.id)


async def no_such_app(session: AsyncSession, user: User, app: str) -> NotFoundError:
    """The answer for an app that is not there, and for one that the user may not see."""
    names = [project.name for project in await visible(session, user)]
    near = difflib.get_close_matches(app[:200], names, n=2)
    clean = printable(app[:200])
    shown = clean if len(clean) <= 60 else f"{clean[:60]}…"
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return NotFoundError(f"there is no app {shown}", f"{hint}`apps:list` shows yours.")


async def visible(session: AsyncSession, user: User) -> list[Project]:
    """Every app that the user may see, by name."""
    only = None if user.role == users.ADMIN else user.id
    found = await projects.visible_to(session, only)
    return [each for each in found if user.only_project in (None, each.id)]


async def visible_project(session: AsyncSession, user: User, app: str) -> Project | None:
    """The app if the user may see it; else None, as if it were not."""
    project = await projects.by_name(session, app)
    if project is None or await role_with(session, user, project) is None:
        return None
    return project


async def still_may(platform: Platform, user: User, project_id: int | None, role: Role) -> bool:
    """False once this was taken from the user, or the app is gone; its name does not matter.

    From admins nothing is taken: they read of apps that are gone, too. Whether they are still
    signed in is asked of api_keys.still_signed_in.
    """
    async with platform.database.read() as session:
        current = await users.by_name(session, user.name)
        if current is not None and current.role == users.ADMIN:
            return True
        project = await projects.by_id(session, project_id) if project_id else None
        if current is None or project is None:
            return False
        now = replace(current, scope=user.scope, only_project=user.only_project)
        found = await role_with(session, now, project)
    return found is not None and found >= role


async def share(platform: Platform, caller: User, app: str, name: str, role: Role) -> None:
    """Give a user a role with the app, in place of the one they have. Needs an owner.

    The owner of any app can so learn who is a user here: a server is one team's. Raises
    NotFoundError for an unknown user, ConflictError for who owns the app.
    """
    async with platform.database.begin() as session:
        project = await require(session, caller, app, Role.OWNER)
        require_scope(caller, Scope.ADMIN)  # an app's key is not to learn who is a user here
        user = await hold_user(session, name)
        _check_not_owner(project, user)
        await access.give(session, project.id, user.id, role)
    platform.bus.publish(PEOPLE)


async def unshare(platform: Platform, caller: User, app: str, name: str) -> None:
    """Take from a user what they were given. Needs an owner.

    Raises NotFoundError if nothing was, ConflictError for who owns the app.
    """
    async with platform.database.begin() as session:
        project = await require(session, caller, app, Role.OWNER)
        require_scope(caller, Scope.ADMIN)  # an app's key is not to learn who is a user here
        user = await named(session, name)
        _check_not_owner(project, user)
        if await access.role_of(session, project.id, user.id) is None:
            raise NotFoundError(f"{name} has no access to {app}", f"`access:list {app}` shows who.")
        await access.take(session, project.id, user.id)
    platform.bus.publish(PEOPLE)


def _check_not_owner(project: Project, user: User) -> None:
    if user.id == project.user_id:
        raise ConflictError(
            f"{user.name} owns {project.name}",
            f"Give it away instead: access:transfer {project.name} USER",
        )


async def transfer(platform: Platform, caller: User, app: str, name: str) -> None:
    """Make another user the one who owns the app; who did stays a deployer. Needs an owner."""
    async with platform.database.begin() as session:
        project = await require(session, caller, app, Role.OWNER)
        require_scope(caller, Scope.ADMIN)  # an app's key is not to learn who is a user here
        user = await hold_user(session, name)
        if user.id == project.user_id:
            raise ConflictError(f"{name} owns {app} already", "Nothing is left to do.")
        await access.take(session, project.id, user.id)
        await access.give(session, project.id, project.user_id, Role.DEPLOYER)
        await access.set_owner(session, project.id, user.id)
    platform.bus.publish(PEOPLE)


async def shares(platform: Platform, caller: User, app: str) -> list[Share]:
    """Who may do what with the app, its owner first; admins may everything. Needs a viewer."""
    async with platform.database.read() as session:
        project = await require(session, caller, app, Role.VIEWER)
        owner = Share(await projects.owner_name(session, project), Role.OWNER)
        given = await access.of_project(session, project.id)
    return [owner, *(Share(name, role) for name, role in given)]


async def named(session: AsyncSession, name: str) -> User:
    """The user of this name. Raises NotFoundError."""
    return _there(await users.by_name(session, name), name)


async def hold_user(session: AsyncSession, name: str, alone: bool = False) -> User:
    """The same, whom nobody removes until the transaction ends: for what is given to them.

    alone: nor gives them anything, for who removes them.
    """
    return _there(await users.hold(session, name, alone), name)


def _there(user: User | None, name: str) -> User:
    if user is None:
        raise no_such_user(name)
    return user


def no_such_user(name: str) -> NotFoundError:
    return NotFoundError(f"there is no user {printable(name[:40])}", "An admin adds users.")


def with_article(role: str) -> str:
    """`an owner`, `a viewer`."""
    return f"an {role}" if role[0] in "ao" else f"a {role}"
