"""What an app prints, and why its last deployment failed."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from deployzero.deploy import runtime_logs
from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import formation
from deployzero.deploy.release import loaded_config
from deployzero.deploy.runtime_logs import History
from deployzero.errors import ContainerError, NotFoundError
from deployzero.models.access import Role
from deployzero.models.deployment import Deployment, Project, User
from deployzero.models.runtime_log import RuntimeLine, Skipped
from deployzero.operations.access import no_such_app, require
from deployzero.store import deployments, log_lines, projects, releases

MOST = 10_000
"""Lines that may be asked for at once."""
LOOK = 10.0
"""Seconds between two looks at whether who follows may still do so."""


@dataclass(frozen=True, slots=True)
class FailedDeployment:
    deployment: Deployment
    log: list[str]
    output: list[RuntimeLine]
    """What its containers printed."""


async def recent(
    platform: Platform, user: User, app: str, lines: int, process: str | None = None
) -> History:
    """The last lines, those of removed containers too, by time. process: `web` or `web.1`.

    Those are all that there are while the engine is away. Raises NotFoundError, for a process
    that the app neither has nor had too.
    """
    project = await check(platform, user, app, process)
    return await runtime_logs.history(platform, project.id, min(lines, MOST), _wanted(process))


async def follow(
    platform: Platform, user: User, app: str, lines: int, process: str | None = None
) -> AsyncGenerator[list[RuntimeLine | Skipped], None]:
    """As `recent`, then all that comes, over releases, restarts and renames, in batches.

    Ends when the server does; raises what `require` raises once the user may not see it.
    """
    project = await check(platform, user, app, process)
    following = runtime_logs.follow(platform, project.id, min(lines, MOST), _wanted(process))
    async with contextlib.aclosing(following) as batches:
        looked = time.monotonic()
        while True:
            reading = asyncio.ensure_future(anext(batches, None))
            try:
                while not reading.done() or time.monotonic() - looked > LOOK:
                    await asyncio.wait({reading}, timeout=LOOK)
                    if time.monotonic() - looked > LOOK:
                        await _still(platform, user, project)
                        looked = time.monotonic()
            finally:
                reading.cancel()
                await asyncio.wait({reading})
            if (batch := reading.result()) is None:
                return
            yield batch


async def check(platform: Platform, user: User, app: str, process: str | None) -> Project:
    """Whether the user may read it, and the app has the process, before a reader is told that
    it begins. Raises NotFoundError."""
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
    await _check_process(platform, project, process)
    return project


async def failed(platform: Platform, user: User, app: str) -> FailedDeployment:
    """The newest deployment that failed. Raises NotFoundError when none did."""
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        deployment = await releases.newest_failed(session, project.id)
        if deployment is None:
            raise NotFoundError(f"no deployment of {app} has failed", f"See `builds:list {app}`.")
        lines, _ = await log_lines.after(session, deployment.id, 0)
    output = await runtime_logs.of_deployment(platform, project.id, deployment.id)
    return FailedDeployment(deployment, [line.text for line in lines], output)


async def _still(platform: Platform, user: User, project: Project) -> None:
    """Whatever its name is by now: that which it had another app may have, of somebody else."""
    async with platform.database.read() as session:
        now = await projects.by_id(session, project.id)
        if now is None:
            raise await no_such_app(session, user, project.name)
        await require(session, user, now.name, Role.VIEWER)


async def _check_process(platform: Platform, project: Project, process: str | None) -> None:
    if process is None:
        return
    async with platform.database.read() as session:
        live = await deployments.live(session, project.id)
    known = set(formation(loaded_config(live.config))) if live and live.config else set()
    if process in known:
        return
    try:
        found = await runtime_logs.sources(platform, project.id)
    except ContainerError:  # what runs is out of reach: it may be there
        return
    names = known | {source.rpartition(".")[0] for source in found}
    if process in found | names:
        return
    raise NotFoundError(
        f"{project.name} has no process {process[:60]}",
        f"It has {', '.join(sorted(found | names))}." if found | names else "Push it first.",
    )


def _wanted(process: str | None) -> Callable[[str], bool]:
    def wanted(source: str) -> bool:
        return process is None or process in (source, source.rpartition(".")[0])

    return wanted
