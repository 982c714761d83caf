"""Commands in a fresh container of what is live, and in a running one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.build.command import process_command
from deployzero.deploy import runs
from deployzero.deploy.platform import Platform
from deployzero.deploy.release import Release, live_release
from deployzero.errors import ConflictError, NotFoundError, UsageError
from deployzero.models.access import Role
from deployzero.models.deployment import Container, Project, User
from deployzero.models.project import ProjectConfig
from deployzero.operations.access import require
from deployzero.runtime import labels
from deployzero.runtime.attachment import Attachment
from deployzero.runtime.container import ContainerSummary
from deployzero.store import containers, deployments

SHELL = ("/bin/sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; fi; exec sh")
"""The one that is there."""


@dataclass(frozen=True, slots=True)
class Run:
    name: str
    """`run.4821`."""
    command: str
    by: str
    created: float
    """Seconds since 1970."""
    detached: bool


@asynccontextmanager
async def running(
    platform: Platform,
    user: User,
    app: str,
    words: Sequence[str],
    terminal: str | None,
    own_entrypoint: bool = True,
) -> AsyncIterator[Attachment]:
    """A command in a fresh container, removed at the block's end. Needs a deployer.

    terminal: its type, None: the command gets none. Raises ConflictError if nothing is live.
    """
    release = await _live(platform, user, app)
    command = command_of(release.config, words, own_entrypoint)
    attached = runs.attached(
        platform, release, command, user.name, own_entrypoint=own_entrypoint, terminal=terminal
    )
    async with attached as attachment:
        yield attachment


async def check(platform: Platform, user: User, app: str) -> None:
    """Whether the user may run commands at all, before they say which. Raises NotFoundError,
    ForbiddenError."""
    await _project(platform, user, app)


async def run_detached(
    platform: Platform, user: User, app: str, words: Sequence[str], own_entrypoint: bool = True
) -> str:
    """Start a command that nobody sits at; returns its name. Needs a deployer."""
    release = await _live(platform, user, app)
    command = command_of(release.config, words, own_entrypoint)
    return await runs.detached(platform, release, command, user.name, own_entrypoint=own_entrypoint)


async def list_runs(platform: Platform, user: User, app: str) -> list[Run]:
    """Oldest first. Needs a deployer: commands may tell more than a viewer is to know."""
    project = await _project(platform, user, app)
    return [
        Run(
            name=run.source,
            command=run.labels.get(labels.RUN_COMMAND, ""),
            by=run.labels.get(labels.RUN_BY, ""),
            created=run.created,
            detached=run.labels[labels.RUN] == labels.DETACHED,
        )
        for run in await runs.of_app(platform, app, project.previous_name)
    ]


async def stop_run(platform: Platform, user: User, app: str, name: str) -> str:
    """name: `run.4821`, or its number alone. Returns the name. Needs a deployer."""
    project = await _project(platform, user, app)
    for run in await runs.of_app(platform, app, project.previous_name):
        if name in (run.source, str(run.index)):
            await runs.stop(platform, run)
            return run.source
    raise NotFoundError(f"{app} has no run {name[:60]}", f"run:list {app}")


@asynccontextmanager
async def entering(
    platform: Platform, user: User, app: str, words: Sequence[str], terminal: str | None
) -> AsyncIterator[Attachment]:
    """A command, or a shell, in a running container; ended at the block's end.

    words: first a process, `web` or `web.2`, if it is none then web's first is meant; then
    the command. Needs a deployer. Raises ConflictError when nothing runs.
    """
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.DEPLOYER)
        rows = await _running(session, project)
    found = await runs.of_app(platform, app, project.previous_name)
    name, rest = _container(app, rows, found, list(words))
    command = _command(rest) if rest else SHELL
    environment = {"TERM": terminal} if terminal else {}
    attachment = await platform.runtime.execute(name, command, environment, terminal is not None)
    try:
        yield attachment
    finally:
        await runs.end(attachment)


def command_of(
    config: ProjectConfig, words: Sequence[str], own_entrypoint: bool = True
) -> tuple[str, ...]:
    """Several words reach the program as they are. One alone is the Procfile's command of that
    name, if there is one; if it has blanks in it it is a line for a shell.
    """
    if not words or not words[0]:
        raise UsageError("there is no command", "run <app> <command>")
    if len(words) == 1 and own_entrypoint and words[0] in config.processes:
        return tuple(process_command(config.processes[words[0]]))
    return _command(words)


def _command(words: Sequence[str]) -> tuple[str, ...]:
    if any("\0" in word for word in words):
        raise UsageError("a command cannot have a NUL in it", "Give binary input in a file.")
    if len(words) == 1 and len(words[0].split()) > 1:
        return "/bin/sh", "-c", words[0]
    return tuple(words)


def _container(
    app: str, rows: list[Container], found: list[ContainerSummary], words: list[str]
) -> tuple[str, list[str]]:
    """The engine's name, and the words that are left. Raises ConflictError, NotFoundError."""
    names = {f"{row.process}.{row.index}": row.name for row in rows}
    names |= {run.source: run.name for run in found if run.running}
    for row in reversed(rows):
        names[row.process] = names[f"{row.process}.{row.index}"]
    if words and words[0] in names:
        return names[words[0]], words[1:]
    if words and looks_like_container(words[0]):
        raise NotFoundError(f"{app} has no {words[0][:60]} that runs", f"ps {app}")
    if not rows:
        raise ConflictError(f"nothing of {app} runs", f"run {app} <command> needs nothing to.")
    return names.get("web", rows[0].name), words


def looks_like_container(word: str) -> bool:
    """As `web.1` and `run.4821` do."""
    process, dot, index = word.rpartition(".")
    return bool(dot) and index.isdigit() and process.replace("-", "").replace("_", "").isalnum()


def program(words: Sequence[str]) -> str:
    """What the audit log has of a command: arguments may be secrets, its program's name is none."""
    plain = " ".join(words).split()
    name = next((word for word in plain if "=" not in word), "")
    return f"{name} …" if len(plain) > 1 else name


def entered(words: Sequence[str]) -> str:
    """The same, behind the container that may come first."""
    first = words[0] if words else ""
    named = words[:1] if first == "web" or looks_like_container(first) else ()
    return " ".join(filter(None, [*named, program(words[len(named) :])]))


async def _live(platform: Platform, user: User, app: str) -> Release:
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.DEPLOYER)
        live = await deployments.live(session, project.id)
    if live is None:
        raise ConflictError(f"{app} is not deployed yet", "Push it first.")
    return live_release(platform, project, live)


async def _running(session: AsyncSession, project: Project) -> list[Container]:
    live = await deployments.live(session, project.id)
    rows = await containers.of_deployment(session, live.id) if live else []
    return sorted(rows, key=lambda row: (row.process, row.index))


async def _project(platform: Platform, user: User, app: str) -> Project:
    async with platform.database.read() as session:
        return await require(session, user, app, Role.DEPLOYER)
