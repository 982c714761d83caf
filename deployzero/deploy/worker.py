"""Claim deployments from the database, which is the queue, and run them."""

import asyncio
import contextlib
import functools
import logging

from deployzero.deploy import retire
from deployzero.deploy.deployment_manager import DeploymentManager
from deployzero.deploy.ending import cancel_waiting
from deployzero.deploy.platform import Platform
from deployzero.deploy.reconcile import end_interrupted
from deployzero.errors import DeployZeroException
from deployzero.models.deployment import UNDER_WAY, Deployment
from deployzero.store import deployments, log_lines

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How soon a row is seen that another process wrote; our own wake the worker at once."""
MOST_AT_ONCE = 16
"""Those that wait for another app's build do not count: nothing is held up by them."""


class Worker:
    """One deployment an app at a time, several apps at once, builds by their own limit."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._manager = DeploymentManager(platform)
        self._running: dict[int, asyncio.Task[None]] = {}
        self._begun = False

    async def run(self) -> None:
        """Work until cancelled; what runs then is undone and marked before it returns."""
        try:
            while True:
                await self._cancel_all()
                await self._claim_all()
                # Not wait_for: before Python 3.12 it loses a cancel that comes just after a wake.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._platform.queue.woken()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            await self._manager.close()

    async def _cancel_all(self) -> None:
        """Before anything is claimed: what still waits ends here, and never begins."""
        for deployment_id, by in self._platform.queue.take_cancels().items():
            if deployment_id in self._running:
                self._manager.cancel(deployment_id, by)
                continue
            try:
                await cancel_waiting(self._platform, deployment_id, by)
            except DeployZeroException as error:
                logger.warning("deployment %s is not cancelled: %s", deployment_id, error.message)
            except Exception:  # the border of the task: it must not end
                logger.exception("cancelling deployment %s", deployment_id)

    async def _claim_all(self) -> None:
        try:
            await self._retire_leftovers()
            await self._end_strays()
            while self._has_room() and (claimed := await self._claim()):
                task = asyncio.create_task(self._manager.run(claimed))
                self._running[claimed.id] = task
                task.add_done_callback(functools.partial(self._ended, claimed.id))
        except DeployZeroException as error:
            logger.error("the queue cannot be read: %s", error.message)
        except Exception:  # the border of the task: it must not end
            logger.exception("the queue cannot be read")

    def _has_room(self) -> bool:
        return len(self._running) - self._manager.waiting < MOST_AT_ONCE

    async def _retire_leftovers(self) -> None:
        """Once, before anything is claimed, so that nothing new is among them."""
        if not self._begun:
            leftovers = await retire.leftovers(self._platform)
            self._manager.in_background(retire.retire_containers(self._platform, leftovers))
            self._begun = True

    async def _end_strays(self) -> None:
        """End rows that nobody works on: their own end could not be written (a full disk, say).

        One worker has the whole queue: the data folder's lock sees to it.
        """
        async with self._platform.database.read() as session:
            unfinished = await deployments.unfinished(session)
            left_open = await log_lines.left_open(session)
        for deployment in unfinished:
            if deployment.state in UNDER_WAY and deployment.id not in self._running:
                logger.error("deployment %s had no end", deployment.id)
                await end_interrupted(self._platform, deployment)
        for deployment_id in left_open:
            if deployment_id not in self._running:
                await self._platform.logs.end(deployment_id)

    async def _claim(self) -> Deployment | None:
        async with self._platform.database.begin() as session:
            return await deployments.claim_next(session)

    def _ended(self, deployment_id: int, _: asyncio.Task[None]) -> None:
        self._running.pop(deployment_id)
        self._platform.queue.wake()
