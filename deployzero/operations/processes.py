"""An app's processes: how they are, how many, with what limits; restarted, stopped, started."""

import asyncio
import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.plan import RESTART
from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import EVERY, formation, limits_of
from deployzero.deploy.release import loaded_config, loaded_limits
from deployzero.deploy.stop import stop_app
from deployzero.errors import ConflictError, ContainerError, UsageError
from deployzero.models.access import Role
from deployzero.models.deployment import Container, Deployment, Project, User
from deployzero.models.release import Change, Kind, Limits
from deployzero.operations.access import require
from deployzero.operations.changes import start_change
from deployzero.runtime.container import ContainerStatus
from deployzero.runtime.memory import oom_kills
from deployzero.settings import parse_bytes
from deployzero.store import containers, deployments

MOST = 100
"""Containers of one process."""
LEAST_MEMORY = 6 << 20
"""Docker refuses less."""
MEMORY = "Write 256m, or 1g."


@dataclass(frozen=True, slots=True)
class Process:
    """One container of the live release, and the limits that it is to have."""

    container: Container
    status: ContainerStatus | None
    """None: it is not there, or the engine does not answer."""
    memory_bytes: int
    cpus: float

    @property
    def starved(self) -> bool:
        """The kernel killed a process of it at its memory limit, and it was not restarted since."""
        status = self.status
        return status is not None and (status.oom_killed or bool(oom_kills(status.pid)))


@dataclass(frozen=True, slots=True)
class Processes:
    project: Project
    url: str
    live: Deployment | None
    running: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class Inspected:
    """A process and what it was started with; no value of any variable."""

    process: Process
    image: str | None
    command: str | None
    variables: tuple[str, ...]
    """Names alone."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process uses now."""

    process: str
    index: int
    cpus: float
    """Cores."""
    memory_bytes: int
    memory_limit: int


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """In force for a process type; `own`: what of it was set for it or for all."""

    process: str
    memory_bytes: int
    cpus: float
    own: Limits


async def report(platform: Platform, user: User, app: str) -> Processes:
    """The live release's processes. An engine that is away is no error: the rows tell enough."""
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        live = await deployments.live(session, project.id)
        rows = await containers.of_deployment(session, live.id) if live else []
    statuses = await asyncio.gather(*(_status(platform, row.name) for row in rows))
    limits = loaded_limits(project.limits)
    running = []
    for row, status in sorted(zip(rows, statuses, strict=True), key=_place):
        memory, cpus = limits_of(platform.settings, limits, row.process)
        running.append(Process(row, status, memory, cpus))
    return Processes(project, platform.settings.url(app), live, tuple(running))


async def usage(platform: Platform, user: User, app: str) -> list[Usage]:
    """CPU and memory of the live release's processes, measured for half a second.

    Those that do not run are left out. Needs a viewer. Raises ContainerError if the engine
    does not answer.
    """
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        live = await deployments.live(session, project.id)
        rows = await containers.of_deployment(session, live.id) if live else []
    measured = await asyncio.gather(*(platform.runtime.usage(row.name) for row in rows))
    return [
        Usage(row.process, row.index, found.cpus, found.memory_bytes, found.memory_limit)
        for row, found in sorted(zip(rows, measured, strict=True), key=_place)
        if found is not None
    ]


async def inspect(platform: Platform, user: User, app: str) -> list[Inspected]:
    """Needs a deployer. Raises ConflictError if nothing is deployed."""
    async with platform.database.read() as session:
        _, live = await _live(session, user, app)
    config = loaded_config(live.config or {})
    own, server = platform.vault.open_variables(live.variables)
    names = {*config.environment, *config.generated_secrets, *own, *server, "PORT"}
    found = await report(platform, user, app)
    return [
        Inspected(
            process=process,
            image=live.image,
            command=config.processes.get(process.container.process, config.start_command),
            variables=tuple(sorted(names)),
        )
        for process in found.running
    ]


async def formation_of(platform: Platform, user: User, app: str) -> dict[str, int]:
    """Process name to how many are to run. Raises ConflictError if nothing is deployed."""
    async with platform.database.read() as session:
        project, live = await _live(session, user, app)
    return formation(loaded_config(live.config or {}), project.formation)


async def scale(
    platform: Platform,
    user: User,
    app: str,
    counts: Mapping[str, int],
    idempotency_key: str | None = None,
) -> int:
    """Run so many of each process named; returns the deployment's id. Needs a deployer.

    idempotency_key: see `start_change`, here and below. Raises UsageError for a process that
    the app does not have and for a bad count.
    """
    async with platform.database.read() as session:
        project, live = await _live(session, user, app)
    for process, count in counts.items():
        _check_process(app, live, process)
        if not 0 <= count <= MOST:
            raise UsageError(f"{process}={count}: 0 to {MOST} of a process may run", "As in: web=2")
    _check_runs(project)
    told = " ".join(f"{process}={count}" for process, count in counts.items())
    change = Change(formation=dict(counts))
    return await start_change(
        platform, user, app, Kind.SCALE, change, f"Scale {told}", idempotency_key
    )


async def restart(
    platform: Platform, user: User, app: str, idempotency_key: str | None = None
) -> int:
    """Fresh containers of what is live; returns the deployment's id. Needs a deployer."""
    async with platform.database.read() as session:
        project, _ = await _live(session, user, app)
    _check_runs(project)
    return await start_change(
        platform, user, app, Kind.RESTART, message=RESTART, idempotency_key=idempotency_key
    )


async def start(platform: Platform, user: User, app: str) -> int | None:
    """Run again what was stopped; returns the deployment's id. None: it runs already."""
    async with platform.database.read() as session:
        project, _ = await _live(session, user, app)
    if not project.stopped:
        return None
    return await start_change(platform, user, app, Kind.RESTART, message="Start")


async def stop(platform: Platform, user: User, app: str) -> bool:
    """End its processes; its release stays. False: it is stopped already.

    Raises ConflictError while it is being deployed.
    """
    async with platform.database.read() as session:
        project, _ = await _live(session, user, app)
        unfinished = await deployments.unfinished_of(session, project.id)
    if project.stopped:
        return False
    if unfinished:
        raise ConflictError(
            f"{app} is being deployed: {unfinished[0].user_name}'s {unfinished[0].kind}",
            f"Wait for it, or stop it first: builds:cancel {app}",
        )
    await stop_app(platform, project)
    return True


async def rebuild(
    platform: Platform, user: User, app: str, idempotency_key: str | None = None
) -> int:
    """Build what is live again, and run that; returns the deployment's id."""
    return await start_change(
        platform, user, app, Kind.REBUILD, message="Rebuild", idempotency_key=idempotency_key
    )


async def set_limits(
    platform: Platform,
    user: User,
    app: str,
    process: str,
    limits: Limits,
    reset: bool = False,
    idempotency_key: str | None = None,
) -> int:
    """Limit a process's containers, by a restart; returns the deployment's id.

    process: `` for all that have none of their own. What `limits` leaves open stays as it
    is; reset: both go back to what is the default first. Raises UsageError.
    """
    _check_limits(limits)
    async with platform.database.read() as session:
        project, live = await _live(session, user, app)
    if process != EVERY:
        _check_process(app, live, process)
    _check_runs(project)
    told = f"Limit {process or 'every process'}: {_told(limits)}"
    change = Change(limits={process: limits}, reset_limits=reset)
    return await start_change(platform, user, app, Kind.RESTART, change, told, idempotency_key)


async def limits(platform: Platform, user: User, app: str) -> list[ProcessLimits]:
    """Of each process that the live release has. Raises ConflictError if nothing is deployed."""
    async with platform.database.read() as session:
        project, live = await _live(session, user, app, Role.VIEWER)
    stored = loaded_limits(project.limits)
    every = stored.get(EVERY, Limits())
    found = []
    for process in formation(loaded_config(live.config or {})):
        own = stored.get(process, Limits())
        memory, cpus = limits_of(platform.settings, stored, process)
        set_by_hand = Limits(own.memory or every.memory, own.cpus or every.cpus)
        found.append(ProcessLimits(process, memory, cpus, set_by_hand))
    return found


async def _live(
    session: AsyncSession, user: User, app: str, role: Role = Role.DEPLOYER
) -> tuple[Project, Deployment]:
    project = await require(session, user, app, role)
    live = await deployments.live(session, project.id)
    if live is None:
        raise ConflictError(f"{app} is not deployed yet", "Push it first.")
    return project, live


async def _status(platform: Platform, name: str) -> ContainerStatus | None:
    try:
        return await platform.runtime.status(name)
    except ContainerError:
        return None


def _place(pair: tuple[Container, object]) -> tuple[bool, str, int]:
    """web first, then by name and number."""
    return pair[0].process != "web", pair[0].process, pair[0].index


def _check_process(app: str, live: Deployment, process: str) -> None:
    known = formation(loaded_config(live.config or {}))
    if process not in known:
        raise UsageError(
            f"{app} has no process {process[:60]!r}",
            f"It has {', '.join(known)}; the Procfile of what is live says so.",
        )


def _check_runs(project: Project) -> None:
    if project.stopped:
        raise ConflictError(
            f"{project.name} is stopped", f"Start it first: ps:start {project.name}"
        )


def _check_limits(limits: Limits) -> None:
    if limits.memory is not None:
        try:
            size = parse_bytes(limits.memory)
        except ValueError as error:
            raise UsageError(f"bad memory: {error}", MEMORY) from None
        if size < LEAST_MEMORY:
            raise UsageError(
                f"bad memory: {limits.memory} is less than the 6m that docker needs", MEMORY
            )
        if size > (most := _machine_memory()):
            raise UsageError(f"bad memory: {limits.memory}: the machine has {most >> 20}m", MEMORY)
    cpus = os.cpu_count() or 1
    if limits.cpus is not None and not 0.01 <= limits.cpus <= cpus:
        raise UsageError(
            f"bad cpus: {limits.cpus:g}: the machine has {cpus}",
            "Write 0.5 for half a core, 2 for two.",
        )


def _machine_memory() -> int:
    """Bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _told(limits: Limits) -> str:
    given = {name: value for name, value in dataclasses.asdict(limits).items() if value is not None}
    return ", ".join(f"{name} {value}" for name, value in given.items()) or "the default"
