"""Look after what is live: the proxy runs, the rules stand, unhealthy apps show as that."""

import asyncio
import logging

from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import WEB, checks, loaded_config
from deployzero.errors import DeployZeroException
from deployzero.models.deployment import Container
from deployzero.runtime.health import check_once
from deployzero.store import containers, deployments

logger = logging.getLogger(__name__)

PERIOD = 5.0
"""Seconds between two looks at each live container."""
FAILURES = 3
"""Failed looks in a row before a running container counts as unhealthy."""


class Watch:
    """Restarting is the engine's work (restart policy); this records what it sees."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._failures: dict[str, int] = {}
        self._guarded = False

    async def run(self) -> None:
        while True:
            try:
                await self._platform.proxy.ensure_running()
                await self._guard()
                await self.look()
            except* DeployZeroException as errors:
                self._guarded = False  # the engine may come back with other rules
                logger.error("watch: %s", errors.exceptions[0])
            except* Exception:  # the border of the task: it must not end
                logger.exception("watch")
            await asyncio.sleep(PERIOD)

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
        async with asyncio.TaskGroup() as group:
            for row in rows:
                group.create_task(self._look_at(row))

    async def _look_at(self, row: Container) -> None:
        health = await self._health(row)
        if health != row.health:
            async with self._platform.database.begin() as session:
                await containers.set_health(session, row.id, health)

    async def _health(self, row: Container) -> str:
        status = await self._platform.runtime.status(row.name)
        if status is None or not status.running:
            return "down"
        if row.process != WEB or await self._answers(row):
            self._failures[row.name] = 0
            return "healthy"
        self._failures[row.name] = self._failures.get(row.name, 0) + 1
        return "unhealthy" if self._failures[row.name] >= FAILURES else row.health

    async def _answers(self, row: Container) -> bool:
        async with self._platform.database.read() as session:
            deployment = await deployments.get(session, row.deployment_id)
        config = loaded_config(deployment.config or {})
        failure = await check_once(
            (row.address, row.port),
            config.port,
            checks(config, WEB),
            self._platform.settings.host(row.app),
        )
        return not failure
