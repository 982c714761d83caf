"""Deployments: the queue, the state machine and the releases, all in one table."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, null, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from deployzero.errors import AlreadyStartedError, ConflictError, NotFoundError, UsageError
from deployzero.models.deployment import (
    TRANSITIONS,
    UNFINISHED,
    Deployment,
    State,
)
from deployzero.models.release import MAY_BECOME, NUMBERED, Kind
from deployzero.store import projects
from deployzero.store.driver_errors import unique
from deployzero.store.tables import ContainerRow, DeploymentRow, ProjectRow, UserRow, is_in, now

LISTED: tuple[Any, ...] = (
    DeploymentRow.id,
    DeploymentRow.project_id,
    ProjectRow.name.label("app"),
    DeploymentRow.user_id,
    UserRow.name.label("user_name"),
    DeploymentRow.state,
    DeploymentRow.branch,
    DeploymentRow.commit,
    DeploymentRow.old_commit,
    DeploymentRow.forced,
    DeploymentRow.message,
    DeploymentRow.release,
    DeploymentRow.image,
    null().label("config"),
    DeploymentRow.reason,
    DeploymentRow.checkout,
    DeploymentRow.timings,
    DeploymentRow.created_at,
    DeploymentRow.started_at,
    DeploymentRow.finished_at,
    DeploymentRow.kind,
    DeploymentRow.key_fingerprint,
)
"""What lists have of a deployment, named as its fields are: nothing sealed, nothing large."""
COLUMNS = (
    *(column for column in LISTED if column.key != "config"),
    DeploymentRow.config,
    DeploymentRow.change,
    DeploymentRow.variables,
)
"""All of one, but for its log."""


async def create(
    session: AsyncSession,
    project_id: int,
    user_id: int,
    branch: str,
    commit: str,
    old_commit: str | None = None,
    forced: bool = False,
    message: str = "",
    timings: dict[str, float] | None = None,
    checkout: str = "",
    kind: Kind = Kind.PUSH,
    change: str | None = None,
    key_fingerprint: str = "",
    idempotency_key: str | None = None,
) -> Deployment:
    """Queue a deployment, as `created`. change: sealed.

    Raises what `check_new` does, for an idempotency key that the project has seen.
    """
    row = DeploymentRow(
        project_id=project_id,
        user_id=user_id,
        state=State.CREATED,
        branch=branch,
        commit=commit,
        old_commit=old_commit,
        forced=forced,
        message=message,
        timings=timings or {},
        checkout=checkout,
        kind=kind,
        change=change,
        key_fingerprint=key_fingerprint,
        idempotency_key=idempotency_key,
    )
    try:
        async with unique(session, "this idempotency key has been used"):
            session.add(row)
            await session.flush()
    except ConflictError:
        await check_new(session, project_id, idempotency_key or "", kind)
        raise
    return await get(session, row.id)


async def check_new(
    session: AsyncSession, project_id: int, idempotency_key: str, kind: Kind
) -> None:
    """Raises AlreadyStartedError if the project has a deployment by this key, UsageError if it
    is of another kind."""
    query = select(DeploymentRow.id, DeploymentRow.kind).where(
        DeploymentRow.project_id == project_id, DeploymentRow.idempotency_key == idempotency_key
    )
    if (found := (await session.execute(query)).first()) is None:
        return
    if found.kind != kind and found.kind not in MAY_BECOME.get(kind, ()):
        raise UsageError(
            f"this idempotency key has named another request: a {found.kind}",
            "Give each request a key of its own, a new UUID, say.",
        )
    raise AlreadyStartedError(found.id)


async def get(session: AsyncSession, deployment_id: int) -> Deployment:
    """Raises NotFoundError."""
    found = await _first(session, _select().where(DeploymentRow.id == deployment_id))
    if found is None:
        raise NotFoundError(f"there is no deployment {deployment_id}")
    return found


async def live(session: AsyncSession, project_id: int) -> Deployment | None:
    return await _first(session, _of_project_in(project_id, frozenset({State.LIVE})))


async def unfinished(session: AsyncSession) -> list[Deployment]:
    """Of all projects, oldest first."""
    return await _all(session, _select().where(is_in(UNFINISHED)).order_by(DeploymentRow.id))


async def unfinished_of(session: AsyncSession, project_id: int) -> list[Deployment]:
    """Oldest first."""
    query = _of_project_in(project_id, UNFINISHED)
    return await _all(session, query.order_by(DeploymentRow.id))


async def ahead_of(session: AsyncSession, deployment: Deployment) -> list[Deployment]:
    """Whom it waits for: the older unfinished ones of its project, oldest first."""
    query = _of_project_in(deployment.project_id, UNFINISHED)
    return await _all(
        session, query.where(DeploymentRow.id < deployment.id).order_by(DeploymentRow.id)
    )


async def claim_next(session: AsyncSession) -> Deployment | None:
    """Take the next deployment and move it to `building`; None: nothing can start now.

    That is the oldest `created` one that is the first in its project's line and whose
    project has none under way. Any number of workers may ask at once: a row that another
    is just taking is skipped, and an index allows one under way in a project at most.
    """
    other = aliased(DeploymentRow)
    blocked = (
        select(literal(1))
        .where(
            other.project_id == DeploymentRow.project_id,
            is_in(UNFINISHED, other),
            (other.state != State.CREATED) | (other.id < DeploymentRow.id),
        )
        .exists()
    )
    candidate = (
        select(DeploymentRow.id)
        .where(is_in(UNFINISHED), DeploymentRow.state == State.CREATED, ~blocked)
        .order_by(DeploymentRow.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=DeploymentRow)
        .scalar_subquery()
    )
    claimed = await session.scalar(
        update(DeploymentRow)
        .where(DeploymentRow.id == candidate, DeploymentRow.state == State.CREATED)
        .values(state=State.BUILDING, started_at=now())
        .returning(DeploymentRow.id)
    )
    return None if claimed is None else await get(session, claimed)


async def set_plan(
    session: AsyncSession,
    deployment_id: int,
    *,
    kind: Kind,
    branch: str,
    commit: str,
    image: str | None,
    config: dict[str, Any] | None,
    variables: str,
    message: str | None = None,
) -> Deployment:
    """What it will be, known when its turn comes. variables: sealed. message: None: as it is."""
    await session.execute(
        update(DeploymentRow)
        .where(DeploymentRow.id == deployment_id)
        .values(
            kind=kind,
            branch=branch,
            commit=commit,
            image=image,
            config=config,
            variables=variables,
            message=DeploymentRow.message if message is None else message,
        )
    )
    return await get(session, deployment_id)


async def rollback_target(
    session: AsyncSession, live: Deployment, release: int | None
) -> Deployment | None:
    """The release of that number; None: the newest one before what is live."""
    query = _select().where(
        DeploymentRow.project_id == live.project_id,
        DeploymentRow.release.is_not(None),
        _is_numbered(),
    )
    if release is not None:
        return await _first(session, query.where(DeploymentRow.release == release))
    before = query.where(DeploymentRow.release < live.release)
    return await _first(session, before.order_by(DeploymentRow.release.desc()).limit(1))


async def transition(
    session: AsyncSession,
    deployment_id: int,
    to: State,
    *,
    image: str | None = None,
    config: dict[str, Any] | None = None,
    reason: str | None = None,
    timings: dict[str, float] | None = None,
) -> Deployment:
    """Move along TRANSITIONS and store what is known by then; None leaves a field as it is.

    Raises ConflictError if the deployment's state does not allow the move now, and
    NotFoundError. `live` is reached by `commit_live` alone.
    """
    if to is State.LIVE:
        raise ValueError("only commit_live makes a deployment live")
    values = _given(image=image, config=config, reason=reason, timings=timings)
    if to in (State.ERROR, State.CANCELLED):
        values |= {"finished_at": now(), "change": None}
    await _move(session, deployment_id, to, values)
    if to in (State.ERROR, State.CANCELLED):
        await projects.end_rename(session, deployment_id, live=False)
    return await get(session, deployment_id)


async def set_branch(session: AsyncSession, project_id: int, branch: str) -> None:
    """What is live and what is on its way belong to this branch from now on."""
    await session.execute(
        update(DeploymentRow)
        .where(DeploymentRow.project_id == project_id, is_in(UNFINISHED | frozenset({State.LIVE})))
        .values(branch=branch)
    )


async def commit_live(
    session: AsyncSession, deployment_id: int, timings: dict[str, float] | None = None
) -> Deployment:
    """THE commit point: make it live, retire what was live.

    A new release gets the next number; a restart and the like keep that of what was live.
    Durable once the transaction is. Raises ConflictError unless it is `deploying`; the
    transaction must then be undone, as `Database.begin` does when it sees the error.
    """
    deployment = await get(session, deployment_id)
    project_id = deployment.project_id
    # Held to the end, so that release numbers are given one at a time on PostgreSQL too.
    await projects.lock(session, project_id)
    number = select(func.max(DeploymentRow.release)).where(DeploymentRow.project_id == project_id)
    if deployment.kind not in NUMBERED:
        number = number.where(is_in(frozenset({State.LIVE})))
    found = await session.scalar(number) or 0
    values = _given(timings=timings) | {
        "release": found + 1 if deployment.kind in NUMBERED else found,
        "finished_at": now(),
    }
    await session.execute(
        update(DeploymentRow)
        .where(
            DeploymentRow.project_id == project_id,
            DeploymentRow.id != deployment_id,
            is_in(frozenset({State.LIVE})),
        )
        .values(state=State.RETIRED)
    )
    await _move(session, deployment_id, State.LIVE, values)
    await projects.end_rename(session, deployment_id, live=True)
    return await get(session, deployment_id)


async def retired_beyond(session: AsyncSession, project_id: int, keep: int) -> list[Deployment]:
    """Retired ones beyond the newest `keep` releases and the newest `keep` images.

    Both count, so that setting variables one by one loses no earlier code. Releases count by
    their number, which restarts of one share. The live one counts among the newest and is never
    returned; nor is one whose image a kept release or an unfinished deployment has too (after a
    rollback), nor one that was forgotten already. Oldest first.
    """
    of_it = (DeploymentRow.project_id == project_id, DeploymentRow.release.is_not(None))
    newest = (
        select(DeploymentRow.release)
        .where(*of_it)
        .distinct()
        .order_by(DeploymentRow.release.desc())
        .limit(keep)
    )
    last = func.max(DeploymentRow.release)
    of_images = (
        select(last)
        .where(*of_it, DeploymentRow.image.is_not(None))
        .group_by(DeploymentRow.image)
        .order_by(last.desc())
        .limit(keep)
    )
    other = aliased(DeploymentRow)
    kept = other.release.in_(newest.scalar_subquery()) | other.release.in_(
        of_images.scalar_subquery()
    )
    needed = select(other.image).where(
        other.project_id == project_id,
        other.image.is_not(None),
        kept | is_in(UNFINISHED | {State.LIVE}, other),
    )
    query = _select().where(
        *of_it,
        DeploymentRow.state == State.RETIRED,
        DeploymentRow.image.is_not(None),
        DeploymentRow.release.not_in(newest.scalar_subquery()),
        DeploymentRow.image.not_in(needed),
    )
    return await _all(session, query.order_by(DeploymentRow.release, DeploymentRow.id))


async def images(session: AsyncSession) -> set[str]:
    """The tags that releases still need; a deployment that failed needs none."""
    needed = frozenset({State.DEPLOYING, State.LIVE, State.RETIRED})
    query = select(DeploymentRow.image).where(is_in(needed), DeploymentRow.image.is_not(None))
    return {tag for tag in await session.scalars(query) if tag is not None}


async def forget_image(session: AsyncSession, deployment_id: int) -> None:
    """Its image is gone: it can no longer be rolled back to."""
    await session.execute(
        update(DeploymentRow).where(DeploymentRow.id == deployment_id).values(image=None)
    )


async def forget_change(session: AsyncSession, deployment_id: int) -> None:
    """It is stored for the app: values that are unset later must not stay here."""
    await session.execute(
        update(DeploymentRow).where(DeploymentRow.id == deployment_id).values(change=None)
    )


async def forget_variables(session: AsyncSession, project_id: int, runs: Collection[int]) -> None:
    """Where nothing starts with them again: of what failed, of mere restarts, and of releases
    whose image is gone.

    runs: deployments that one-off runs are of. The logs of containers that are still there
    are redacted by them.
    """
    failed = DeploymentRow.state.in_((State.ERROR, State.CANCELLED))
    gone = (DeploymentRow.state == State.RETIRED) & (
        DeploymentRow.image.is_(None) | DeploymentRow.kind.not_in(NUMBERED)
    )
    await session.execute(
        update(DeploymentRow)
        .where(
            DeploymentRow.project_id == project_id,
            DeploymentRow.variables.is_not(None),
            failed | gone,
            DeploymentRow.id.not_in(runs),
            DeploymentRow.id.not_in(select(ContainerRow.deployment_id)),
        )
        .values(variables=None)
    )


async def _move(
    session: AsyncSession, deployment_id: int, to: State, values: dict[str, Any]
) -> None:
    sources = frozenset(state for state, targets in TRANSITIONS.items() if to in targets)
    moved = await session.scalar(
        update(DeploymentRow)
        .where(DeploymentRow.id == deployment_id, DeploymentRow.state.in_(sources))
        .values(state=to, **values)
        .returning(DeploymentRow.id)
    )
    if moved is None:
        current = (await get(session, deployment_id)).state
        raise ConflictError(
            f"deployment {deployment_id} is {current} and cannot become {to}",
            "Somebody else finished it first; see `releases` for what is live.",
        )


def _is_numbered() -> ColumnElement[bool]:
    """Written out, as the index of release numbers has it."""
    kinds = [kind for kind in Kind if kind in NUMBERED]
    return DeploymentRow.kind.in_(bindparam(None, kinds, expanding=True, literal_execute=True))


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _of_project_in(project_id: int, states: frozenset[State]) -> Select[Any]:
    belongs: ColumnElement[bool] = DeploymentRow.project_id == project_id
    return _select().where(belongs, is_in(states))


def _select() -> Select[Any]:
    return (
        select(*COLUMNS)
        .join(ProjectRow, ProjectRow.id == DeploymentRow.project_id)
        .join(UserRow, UserRow.id == DeploymentRow.user_id)
    )


async def _first(session: AsyncSession, query: Select[Any]) -> Deployment | None:
    row = (await session.execute(query)).first()
    return Deployment(**row._asdict()) if row else None


async def _all(session: AsyncSession, query: Select[Any]) -> list[Deployment]:
    """As lists have them."""
    found = await session.execute(query.with_only_columns(*LISTED))
    return [Deployment(**row._asdict()) for row in found]
