"""Look after what is live: the proxy runs, the rules stand, unhealthy apps show as that.

And after what a lost engine left undone, so that none of it waits for deployzero's restart.
"""

import asyncio
import dataclasses
import logging
import math
import time
from collections.abc import Awaitable

from deployzero.deploy import routes, runs
from deployzero.deploy.completion import complete
from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import WEB, checks
from deployzero.deploy.reconcile import restore_app, start_again
from deployzero.deploy.release import Release, live_release
from deployzero.deploy.retention import prune_events
from deployzero.deploy.retire import remove_container, settle
from deployzero.errors import ContainerError, DeployZeroException
from deployzero.models.deployment import Container
from deployzero.models.project import HealthCheck
from deployzero.runtime.container import ContainerStatus
from deployzero.runtime.health import DEFAULT_CHECKS, check_once
from deployzero.store import containers, deployments, projects

logger = logging.getLogger(__name__)

PERIOD = 5.0
"""Seconds between two looks at each live container."""
ASK_SECONDS = 60.0
"""Between two requests to an app that named no check of its own: each is a line in its log. In
between, and as long as it answers, an open port is enough."""
FAILURES = 3
"""Failed looks in a row before a running container counts as unhealthy, or one that
is down and that the engine does not restart is started again."""
ANSWER_LIMIT = 5.0
SAY_AGAIN = 60.0
"""Seconds for which the same failure is told once."""
LEFT_OVER = 30.0
"""Seconds beyond the longest retirement after which an ended release's container is removed."""


def _quick(check: HealthCheck) -> HealthCheck:
    """One slow app must not keep the watch from the others."""
    return dataclasses.replace(check, timeout=min(check.timeout, ANSWER_LIMIT))


class Watch:
    """Restarting is the engine's work (restart policy); this records what it sees."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._failures: dict[str, int] = {}
        self._asked: dict[str, float] = {}
        self._ended: dict[int, float] = {}
        self._guarded = False
        self._said: dict[str, float] = {}
        self._completing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        try:
            while True:
                for step in (
                    self._platform.proxy.ensure_running,
                    self._guard,
                    self.look,
                    self._clear_away,
                    self._sweep_runs,
                    self._forget,
                ):
                    await self._tell(step())
                self._complete_beside()
                await asyncio.sleep(PERIOD)
        finally:
            if self._completing is not None:
                self._completing.cancel()
                await asyncio.gather(self._completing, return_exceptions=True)

    async def _tell(self, step: Awaitable[object]) -> None:
        """What fails in one step, or for one app, stops no other."""
        try:
            await step
        except DeployZeroException as error:
            if isinstance(error, ContainerError):
                self._guarded = False  # the engine may come back with other rules
            self._say(error.message)
        except Exception:
            logger.exception("watch")

    def _say(self, message: str) -> None:
        """What fails in every round, or for every container, is said once in a while."""
        now = time.monotonic()
        self._said = {text: at for text, at in self._said.items() if now - at < SAY_AGAIN}
        if message not in self._said:
            self._said[message] = now
            logger.error("watch: %s", message)

    async def _guard(self) -> None:
        """Keep apps away from the control ports and from cloud metadata."""
        if self._guarded:
            return
        settings = self._platform.settings
        why_not = await self._platform.firewall.apply([settings.ssh_port, settings.api_port])
        if why_not:
            logger.warning("apps are not kept from the server's own ports: %s", why_not)
        self._guarded = True

    async def look(self) -> None:
        """Probe every container of every live release once."""
        async with self._platform.database.read() as session:
            rows = await containers.of_live_releases(session)
        self._failures = {row.name: self._failures.get(row.name, 0) for row in rows}
        self._asked = {row.name: self._asked.get(row.name, -math.inf) for row in rows}
        await asyncio.gather(*(self._tell(self._look_at(row)) for row in rows))

    async def _look_at(self, row: Container) -> None:
        health = await self._health(row)
        if health != row.health:
            async with self._platform.database.begin() as session:
                await containers.set_health(session, row.id, health)

    async def _health(self, row: Container) -> str:
        status = await self._platform.runtime.status(row.name)
        if status is None or not status.running:
            await self._help_up(row, status)
            return "down"
        if not status.settled:  # the engine was away when it was to be
            await settle(self._platform, await self._release(row), row)
        if row.process != WEB or await self._answers(row):
            self._failures[row.name] = 0
            return "healthy"
        self._failures[row.name] = self._failures.get(row.name, 0) + 1
        return "unhealthy" if self._failures[row.name] >= FAILURES else row.health

    async def _help_up(self, row: Container, status: ContainerStatus | None) -> None:
        """Start again what the engine itself does not: removed, stopped, not settled in time."""
        if status is not None and status.restarting:
            return
        self._failures[row.name] = self._failures.get(row.name, 0) + 1
        if self._failures[row.name] < FAILURES:
            return
        self._failures[row.name] = 0
        logger.warning("%s is down; starting it again", row.name)
        try:
            await self._start_again(row)
        except DeployZeroException as error:
            logger.error("%s did not start: %s", row.name, error.message)

    async def _start_again(self, row: Container) -> None:
        release = await self._release(row)
        moved = await start_again(self._platform, release, row)
        async with self._platform.database.read() as session:
            live = await containers.get_live(session, row.id)
        if live is None:  # a push has replaced it meanwhile, or it was stopped
            await remove_container(self._platform, row)
        elif (moved.address, moved.port) != (row.address, row.port):
            await routes.restore(self._platform, release.deployment.app, row.project_id)

    async def _release(self, row: Container) -> Release:
        async with self._platform.database.read() as session:
            deployment = await deployments.get(session, row.deployment_id)
            project = await projects.get(session, row.project_id)
        return live_release(self._platform, project, deployment)

    async def _clear_away(self) -> None:
        """Remove containers of ended deployments that nobody is retiring any more."""
        settings = self._platform.settings
        async with self._platform.database.read() as session:
            rows = await containers.every(session)
            live = {row.id for row in await containers.of_live_releases(session)}
            unfinished = {deployment.id for deployment in await deployments.unfinished(session)}
        ended = [row for row in rows if row.id not in live and row.deployment_id not in unfinished]
        now = time.monotonic()
        self._ended = {row.id: self._ended.get(row.id, now) for row in ended}
        limit = settings.drain_seconds + settings.stop_grace + LEFT_OVER
        for row in ended:
            if now - self._ended[row.id] > limit:
                await self._remove(row)

    def _complete_beside(self) -> None:
        """A destroy may wait for a deployment's end: nothing else is to wait for that."""
        if self._completing is None or self._completing.done():
            self._completing = asyncio.create_task(self._tell(self._complete()))

    async def _complete(self) -> None:
        for failure in await complete(self._platform):
            self._say(failure)

    async def _sweep_runs(self) -> None:
        await runs.sweep(self._platform)

    async def _forget(self) -> None:
        await prune_events(self._platform)

    async def _remove(self, row: Container) -> None:
        """A failed release's container may still have the route: that is put back first.

        Not while a deployment of the app may change what is live: then the next round does it.
        """
        async with self._platform.database.read() as session:
            if await deployments.unfinished_of(session, row.project_id):
                return
            project = await projects.get(session, row.project_id)
            live = await deployments.live(session, row.project_id)
        await restore_app(self._platform, project, live)
        await remove_container(self._platform, row)

    async def _answers(self, row: Container) -> bool:
        release = await self._release(row)
        failure = await check_once(
            (row.address, row.port),
            release.config.port,
            tuple(_quick(check) for check in self._due(row, release)),
            self._platform.settings.host(release.deployment.app),
        )
        return not failure

    def _due(self, row: Container, release: Release) -> tuple[HealthCheck, ...]:
        """Its checks; of deployzero's own one the request is left out most of the time."""
        wanted = checks(release.checks, release.config)
        if wanted != DEFAULT_CHECKS or self._failures[row.name]:
            return wanted
        if time.monotonic() - self._asked[row.name] < ASK_SECONDS:
            return (dataclasses.replace(wanted[0], path=None),)
        self._asked[row.name] = time.monotonic()
        return wanted
