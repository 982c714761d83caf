"""The tables. Every change to them needs a migration beside it; a test compares the two."""

import datetime as dt
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    false,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from deployzero.models.access import Scope
from deployzero.models.deployment import UNDER_WAY, UNFINISHED, State
from deployzero.models.release import NUMBERED, Kind

LOOPBACK = "127.0.0.1"
"""Shared by containers that are reached by a published port; other addresses are one's own."""


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A moment in UTC that keeps its time zone in SQLite too, which has no type for it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - the name and the shape are SQLAlchemy's
        dt.datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        dict[str, float]: JSON(none_as_null=True),
        dict[str, int]: JSON(none_as_null=True),
        State: Enum(
            State,
            native_enum=False,
            create_constraint=False,
            length=16,
            values_callable=lambda states: [state.value for state in states],
        ),
        Kind: Enum(
            Kind,
            native_enum=False,
            create_constraint=False,
            length=16,
            values_callable=lambda kinds: [kind.value for kind in kinds],
        ),
        Scope: Enum(
            Scope,
            native_enum=False,
            create_constraint=False,
            length=16,
            values_callable=lambda scopes: [scope.value for scope in scopes],
        ),
    }


# Ids stand in the labels of containers and images, so that none is ever given twice.
NEVER_REUSED = {"sqlite_autoincrement": True}


def _only(name: str, *columns: str, where: str, unique: bool = True) -> Index:
    return Index(
        name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where)
    )


def _in(states: frozenset[State]) -> str:
    return "state IN ({})".format(", ".join(f"'{state}'" for state in _sorted(states)))


def _numbered() -> str:
    kinds = [kind for kind in Kind if kind in NUMBERED]
    return "kind IN ({})".format(", ".join(f"'{kind}'" for kind in kinds))


def _sorted(states: frozenset[State]) -> list[State]:
    return [state for state in State if state in states]


class UserRow(Base):
    __tablename__ = "users"
    __table_args__ = (NEVER_REUSED,)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    api_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    """SHA-256, in hex, of the key that they last signed in with, by a password; it is a row of
    api_keys too, which are what is looked at."""
    password: Mapped[str | None] = mapped_column(Text)
    """Argon2's encoded hash; None: they have none, and sign in by SSH keys or API keys."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    removed_at: Mapped[dt.datetime | None]
    """Who was removed keeps a row, since the history names them."""


class SSHKeyRow(Base):
    __tablename__ = "ssh_keys"
    __table_args__ = (NEVER_REUSED,)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    public_key: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class APIKeyRow(Base):
    """What signs somebody in over HTTP: a key of their own, or a browser's session."""

    __tablename__ = "api_keys"
    __table_args__ = (NEVER_REUSED,)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the key, in hex; the key itself is shown once and kept nowhere."""
    prefix: Mapped[str] = mapped_column(String(16))
    """The key's beginning, by which people and the audit log know it."""
    scope: Mapped[Scope]
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), index=True
    )
    """The only app that it may touch."""
    session: Mapped[bool] = mapped_column(default=False, server_default=false())
    """A browser's cookie: no header takes it, and lists of keys leave it out."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]


class InvitationRow(Base):
    """A link by which somebody makes their account, or gets a new password."""

    __tablename__ = "invitations"
    __table_args__ = (NEVER_REUSED,)

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    """Whose password it sets; None: it makes an account."""
    name: Mapped[str | None] = mapped_column(String(64))
    """Of the account to be made; None: who comes chooses it."""
    role: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]


class CLILoginRow(Base):
    """A computer that asks for a key, until it has expired (RFC 8628)."""

    __tablename__ = "cli_logins"
    __table_args__ = (NEVER_REUSED,)

    id: Mapped[int] = mapped_column(primary_key=True)
    device_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the secret that the computer polls with, in hex."""
    user_code: Mapped[str] = mapped_column(String(16), unique=True)
    """What both the terminal and the page show."""
    computer: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(64))
    """Where it asked from."""
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    """Who decided."""
    approved: Mapped[bool | None]
    """None: nobody has decided yet."""
    key_id: Mapped[int | None] = mapped_column(
        ForeignKey("api_keys.id", ondelete="CASCADE"), index=True
    )
    """What it was given. A key that is taken away takes this with it: no way to another."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime]


class RemovedKeyRow(Base):
    """A key that was taken from somebody: ADMIN_KEYS, which may still name it, is no way back."""

    __tablename__ = "removed_keys"

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)


class ProjectRow(Base):
    __tablename__ = "projects"
    __table_args__ = (NEVER_REUSED,)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    deploy_branch: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now, onupdate=now)
    locked_by: Mapped[str | None] = mapped_column(String(64))
    stopped: Mapped[bool] = mapped_column(default=False, server_default=false())
    destroying: Mapped[bool] = mapped_column(default=False, server_default=false())
    previous_name: Mapped[str | None] = mapped_column(String(50))
    rename_id: Mapped[int | None]
    """The restart that brings it to its new name; None: it is there, or never left."""
    formation: Mapped[dict[str, int]] = mapped_column(default=dict, server_default="{}")
    limits: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    checks: Mapped[dict[str, Any] | None]


class AccessRow(Base):
    """What an app's owner lets others do with it."""

    __tablename__ = "access"

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(String(16))


class ConfigVarRow(Base):
    """A variable of an app, or of every app."""

    __tablename__ = "config_vars"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    """None: of every app."""
    name: Mapped[str] = mapped_column(String(255))
    sealed: Mapped[str] = mapped_column(Text)
    """Its value, encrypted."""
    build: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        _only("uq_config_vars_of_every_app", "name", where="project_id IS NULL"),
    )


class DomainRow(Base):
    """A host name that an app answers to beside its own."""

    __tablename__ = "domains"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(255), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class EventRow(Base):
    """The audit log. It names people and apps by name, and so outlives both."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(default=now)
    user: Mapped[str] = mapped_column(String(64))
    key_fingerprint: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    app: Mapped[str] = mapped_column(String(50), index=True)
    """Its name then."""
    project_id: Mapped[int | None] = mapped_column(index=True)
    """The app itself, whatever it is called now; it may be gone. None: there was none."""
    detail: Mapped[str] = mapped_column(Text)
    result: Mapped[str] = mapped_column(Text)

    __table_args__ = (NEVER_REUSED,)


class DeploymentRow(Base):
    __tablename__ = "deployments"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[Kind] = mapped_column(default=Kind.PUSH, server_default=Kind.PUSH.value)
    state: Mapped[State]
    branch: Mapped[str] = mapped_column(String(255))
    commit: Mapped[str] = mapped_column(String(64))
    old_commit: Mapped[str | None] = mapped_column(String(64))
    forced: Mapped[bool]
    message: Mapped[str] = mapped_column(Text)
    release: Mapped[int | None]
    image: Mapped[str | None] = mapped_column(Text)
    config: Mapped[dict[str, Any] | None]
    reason: Mapped[str] = mapped_column(Text, default="")
    checkout: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Folder of its tree, until it has ended."""
    change: Mapped[str | None] = mapped_column(Text)
    """Sealed: what it changes beside the code."""
    variables: Mapped[str | None] = mapped_column(Text)
    """Sealed: the variables of its containers."""
    key_fingerprint: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Who asked for it, by which key: for the audit log."""
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    """The client's own name for its request: sent again, it makes no second deployment."""
    timings: Mapped[dict[str, float]]
    logs: Mapped[str | None] = mapped_column(Text)
    """The whole log, each line ended by a newline, once it has ended; its rows until then."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    started_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]

    __table_args__ = (
        _only("uq_deployments_numbered", "project_id", "release", where=_numbered()),
        Index("ix_deployments_project_id_id", "project_id", "id"),
        _only("uq_deployments_live", "project_id", where=_in(frozenset({State.LIVE}))),
        _only("uq_deployments_under_way", "project_id", where=_in(UNDER_WAY)),
        _only(
            "uq_deployments_idempotency_key",
            "project_id",
            "idempotency_key",
            where="idempotency_key IS NOT NULL",
        ),
        _only("ix_deployments_unfinished", "id", where=_in(UNFINISHED), unique=False),
        _only("ix_deployments_open_log", "id", where="logs IS NULL", unique=False),
        NEVER_REUSED,
    )


class LogLineRow(Base):
    __tablename__ = "log_lines"
    __table_args__ = ({"sqlite_with_rowid": False},)

    deployment_id: Mapped[int] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)


class ContainerRow(Base):
    __tablename__ = "containers"

    id: Mapped[int] = mapped_column(primary_key=True)
    deployment_id: Mapped[int] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), index=True
    )
    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), index=True
    )
    process: Mapped[str] = mapped_column(String(64))
    index: Mapped[int]
    name: Mapped[str] = mapped_column(String(255), unique=True)
    address: Mapped[str] = mapped_column(String(64))
    port: Mapped[int]
    health: Mapped[str] = mapped_column(String(16))

    __table_args__ = (
        UniqueConstraint("address", "port"),
        _only("uq_containers_own_address", "address", where=f"address <> '{LOOPBACK}'"),
        NEVER_REUSED,
    )


class ServerRow(Base):
    """What this installation knows about itself: its instance id, for one."""

    __tablename__ = "server"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


def is_in(
    states: frozenset[State], row: type[DeploymentRow] = DeploymentRow
) -> ColumnElement[bool]:
    """`state IN (…)` with the states written out, as the partial indexes have it.

    A planner uses a partial index only where it sees the same condition, which it does
    not with bound parameters.
    """
    return row.state.in_(bindparam(None, _sorted(states), expanding=True, literal_execute=True))
