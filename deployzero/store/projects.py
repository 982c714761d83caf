"""Projects: the apps, by their one name."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.errors import ConflictError, NotFoundError
from deployzero.models.deployment import Project
from deployzero.models.release import Change, Limits
from deployzero.store.driver_errors import unique
from deployzero.store.tables import AccessRow, ProjectRow, UserRow

OTHER_NAME = "Choose another name for the app."


async def create(session: AsyncSession, name: str, user_id: int) -> Project:
    """Make an app. Raises ConflictError if the name is taken, by whomever."""
    row = ProjectRow(name=name, user_id=user_id)
    async with _taking(session, name):
        session.add(row)
        await session.flush()
    return _project(row)


async def by_name(session: AsyncSession, name: str) -> Project | None:
    row = await session.scalar(select(ProjectRow).where(ProjectRow.name == name))
    return _project(row) if row else None


async def by_id(session: AsyncSession, project_id: int) -> Project | None:
    row = await session.scalar(select(ProjectRow).where(ProjectRow.id == project_id))
    return _project(row) if row else None


async def get(session: AsyncSession, project_id: int) -> Project:
    """Raises NotFoundError."""
    row = await session.get(ProjectRow, project_id, populate_existing=True)
    if row is None:
        raise NotFoundError("this app is gone")
    return _project(row)


async def lock(session: AsyncSession, project_id: int) -> None:
    """Nobody else holds it until the transaction ends. SQLite has one writer anyway."""
    await session.execute(
        select(ProjectRow.id).where(ProjectRow.id == project_id).with_for_update()
    )


async def settle_live(session: AsyncSession, project_id: int, change: Change) -> None:
    """What follows for the app from a deployment that goes live: it runs, changed so."""
    project = await get(session, project_id)
    before = {process: Limits(**each) for process, each in project.limits.items()}
    limits = {process: asdict(each) for process, each in change.limited(before).items()}
    await session.execute(
        update(ProjectRow)
        .where(ProjectRow.id == project_id)
        .values(
            stopped=False,
            formation=project.formation | change.formation,
            limits=limits,
        )
    )


async def set_stopped(session: AsyncSession, project_id: int) -> None:
    """Until the next deployment of it goes live."""
    await session.execute(
        update(ProjectRow).where(ProjectRow.id == project_id).values(stopped=True)
    )


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


async def bears(session: AsyncSession, name: str) -> bool:
    """Whether an app has this name, or is still leaving it."""
    query = select(ProjectRow.id).where(
        or_(ProjectRow.name == name, ProjectRow.previous_name == name)
    )
    return await session.scalar(query) is not None


async def every(session: AsyncSession) -> list[Project]:
    """All, those being destroyed included, by name."""
    query = select(ProjectRow).order_by(ProjectRow.name)
    return [_project(row) for row in await session.scalars(query)]


async def unsettled(session: AsyncSession, before: dt.datetime) -> list[Project]:
    """Those that a destroy or a rename has not done with, although nothing changed since."""
    renamed = ProjectRow.previous_name.is_not(None) & ProjectRow.rename_id.is_(None)
    query = select(ProjectRow).where(
        or_(ProjectRow.destroying, renamed), ProjectRow.updated_at < before
    )
    return [_project(row) for row in await session.scalars(query)]


async def count_of(session: AsyncSession, user_id: int) -> int:
    """How many apps the user owns."""
    query = select(func.count()).where(ProjectRow.user_id == user_id)
    return await session.scalar(query) or 0


async def owner_name(session: AsyncSession, project: Project) -> str:
    query = select(UserRow.name).where(UserRow.id == project.user_id)
    return await session.scalar(query) or ""


async def set_lock(session: AsyncSession, project_id: int, by: str | None) -> None:
    """by: who locks it; None: it is unlocked."""
    await _set(session, project_id, locked_by=by)


async def set_deploy_branch(session: AsyncSession, project_id: int, branch: str) -> None:
    await _set(session, project_id, deploy_branch=branch)


async def set_checks(session: AsyncSession, project_id: int, checks: dict[str, Any] | None) -> None:
    """checks: as `Project.checks` has them."""
    await _set(session, project_id, checks=checks)


async def set_destroying(session: AsyncSession, project_id: int) -> bool:
    """From here on nobody sees it. False: somebody else was faster."""
    done = await session.scalar(
        update(ProjectRow)
        .where(ProjectRow.id == project_id, ~ProjectRow.destroying)
        .values(destroying=True)
        .returning(ProjectRow.id)
    )
    return done is not None


async def remove(session: AsyncSession, project_id: int) -> None:
    """With all that belongs to it: access, config, domains, deployments, their logs."""
    await session.execute(delete(ProjectRow).where(ProjectRow.id == project_id))


async def rename(session: AsyncSession, project: Project, name: str) -> None:
    """Give it another name; the old one stays its own until `forget_previous_name`.

    Raises ConflictError if the name is taken, by whomever.
    """
    async with _taking(session, name):
        await _set(session, project.id, name=name, previous_name=project.name)


async def set_rename_id(session: AsyncSession, project_id: int, deployment_id: int) -> None:
    await _set(session, project_id, rename_id=deployment_id)


async def end_rename(session: AsyncSession, deployment_id: int, live: bool) -> None:
    """A deployment has ended: if it was a rename's and is not live, the rename is undone."""
    values: dict[str, Any] = {"rename_id": None}
    if not live:
        values |= {"name": ProjectRow.previous_name, "previous_name": ProjectRow.name}
    query = update(ProjectRow).where(ProjectRow.rename_id == deployment_id).values(**values)
    await session.execute(query, execution_options={"synchronize_session": False})


async def forget_previous_name(session: AsyncSession, project_id: int, name: str) -> None:
    """Nothing bears it any more: it is free."""
    await session.execute(
        update(ProjectRow)
        .where(ProjectRow.id == project_id, ProjectRow.previous_name == name)
        .values(previous_name=None)
    )


async def _set(session: AsyncSession, project_id: int, **values: Any) -> None:
    await session.execute(update(ProjectRow).where(ProjectRow.id == project_id).values(**values))


@asynccontextmanager
async def _taking(session: AsyncSession, name: str) -> AsyncIterator[None]:
    """What is written inside takes a name. Raises ConflictError if somebody has it, or had it
    and has not cleared away all that bears it."""
    leaving = select(ProjectRow.id).where(ProjectRow.name == name, ProjectRow.destroying)
    if await session.scalar(leaving) is not None:
        raise ConflictError(
            f"the app {name} is being destroyed: its name is not free yet", "Try again in a moment."
        )
    async with unique(session, f"the name {name} is taken", OTHER_NAME):
        yield
        # Only now: on PostgreSQL the write waits for a rename that is just being committed.
        renamed = select(ProjectRow.id).where(ProjectRow.previous_name == name)
        if await session.scalar(renamed) is not None:
            raise ConflictError(f"the name {name} is taken", OTHER_NAME)


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
        rename_id=row.rename_id,
        formation=row.formation,
        limits=row.limits,
        checks=row.checks,
    )
