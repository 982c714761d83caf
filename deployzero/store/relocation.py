"""What a database forgets, and what it queues, when it comes to life on another machine."""

from dataclasses import dataclass

from sqlalchemy import Connection, Select, delete, insert, select, update

from deployzero.models.deployment import State
from deployzero.models.release import Kind
from deployzero.store.instance import INSTANCE
from deployzero.store.tables import (
    APIKeyRow,
    CLILoginRow,
    ConfigVarRow,
    ContainerRow,
    DeploymentRow,
    EventRow,
    InvitationRow,
    ProjectRow,
    ServerRow,
    is_in,
    now,
)


@dataclass(frozen=True, slots=True)
class Relocated:
    """Names of apps."""

    redeploys: tuple[str, ...]
    """Their live commit is queued to be built again."""
    stopped: tuple[str, ...]
    """They keep their release and stay stopped."""
    left_out: tuple[str, ...]
    """They were live, and there is no code of theirs."""


def relocate(connection: Connection, commits: dict[str, set[str]], backup: str) -> Relocated:
    """commits: app to the commits that its repository has. backup: which one, in words.

    Images and containers are gone. What was live is retired, since nothing serves, and its
    commit queued again; a stopped app keeps its release, which is built when it is started.
    What was under way, the next start ends. The instance gets a new id: objects of the old
    one, which may still run on the same engine, are not touched.

    API keys go on signing in, as SSH keys do. Browsers' sessions and all that is good for one
    use do not: it may have been used, or ended, since the backup was made.
    """
    moment = now()
    connection.execute(delete(APIKeyRow).where(APIKeyRow.session))
    connection.execute(delete(CLILoginRow))
    connection.execute(delete(InvitationRow))
    connection.execute(delete(ContainerRow))
    connection.execute(delete(ServerRow).where(ServerRow.key == INSTANCE))
    connection.execute(update(DeploymentRow).values(image=None, checkout=""))
    redeploys, stopped, left_out = [], [], []
    for live in connection.execute(_live()).all():
        if live.stopped:
            stopped.append(live.name)
            continue
        connection.execute(
            update(DeploymentRow).where(DeploymentRow.id == live.id).values(state=State.RETIRED)
        )
        if live.commit not in commits.get(live.name, set()):
            left_out.append(live.name)
            continue
        redeploys.append(live.name)
        connection.execute(
            insert(DeploymentRow).values(
                project_id=live.project_id,
                user_id=live.user_id,
                kind=Kind.REBUILD,
                state=State.CREATED,
                branch=live.branch,
                commit=live.commit,
                forced=False,
                message=f"Restored from {backup}",
                timings={},
            )
        )
    connection.execute(
        insert(EventRow).values(
            at=moment,
            user="",
            key_fingerprint="",
            action="restore",
            app="",
            detail=f"from {backup}",
            result="ok",
        )
    )
    return Relocated(tuple(redeploys), tuple(stopped), tuple(left_out))


def _live() -> Select[int, int, int, str, str, str, bool]:
    return (
        select(
            DeploymentRow.id,
            DeploymentRow.project_id,
            DeploymentRow.user_id,
            DeploymentRow.branch,
            DeploymentRow.commit,
            ProjectRow.name,
            ProjectRow.stopped,
        )
        .join(ProjectRow, ProjectRow.id == DeploymentRow.project_id)
        .where(is_in(frozenset({State.LIVE})), ~ProjectRow.destroying)
        .order_by(ProjectRow.name)
    )


def drop_secrets(connection: Connection) -> None:
    """Everything that is sealed: nobody has the key."""
    connection.execute(delete(ConfigVarRow))
    connection.execute(update(DeploymentRow).values(change=None, variables=None))


def some_sealed(connection: Connection) -> str | None:
    """Any sealed value, to try a key with; None: there is none."""
    for column in (ConfigVarRow.sealed, DeploymentRow.variables, DeploymentRow.change):
        found = connection.scalar(select(column).where(column.is_not(None)).limit(1))
        if found is not None:
            return str(found)
    return None
