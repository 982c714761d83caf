"""Take one deployment from its row to live, or to its end with everything undone."""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import logging
from collections.abc import Coroutine, Iterator
from typing import Any

from deployzero.deploy import routes
from deployzero.deploy.boot import run_release_command, slots, start_processes
from deployzero.deploy.commit_point import commit
from deployzero.deploy.ending import end, remove_checkout, what_stays
from deployzero.deploy.image import Images, redact
from deployzero.deploy.plan import Plan
from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import WEB, formation
from deployzero.deploy.progress import Progress
from deployzero.deploy.reconcile import restore_app
from deployzero.deploy.release import Release, environment, stored_config
from deployzero.deploy.retire import (
    drain_container,
    forget_secrets,
    remove_container,
    retire_release,
)
from deployzero.deploy.shielded import shielded
from deployzero.deploy.switch import switch
from deployzero.deploy.turn import take_turn
from deployzero.errors import ContainerError, DeploymentCancelledError, DeployZeroException
from deployzero.models.deployment import Container, Deployment, State
from deployzero.store import containers, deployments, projects

logger = logging.getLogger(__name__)

DRAIN_LIMIT = 3.0
"""Seconds for requests that reached a release which is taken back; its push waits for it."""
CANCEL_LIMIT = 1.0
"""Seconds that who cancels waits for that, and for the logs that are kept; it goes on behind."""


class DeploymentManager:
    """Runs the state machine of a claimed deployment; the worker owns the task."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._images = Images(platform)
        self._retirements: set[asyncio.Task[None]] = set()
        self._open: dict[int, asyncio.Task[Any] | None] = {}
        """Those that may still be cancelled: they neither are live nor end already."""
        self._cancelled: dict[int, str] = {}

    @property
    def waiting(self) -> int:
        """How many wait for another app's build, and do nothing else."""
        return self._images.waiting

    async def run(self, deployment: Deployment) -> None:
        """Deploy; whatever happens, the row ends as live, error or cancelled."""
        progress = Progress(self._platform.logs, deployment.id, deployment.timings)
        self._open[deployment.id] = asyncio.current_task()
        try:
            await self._deploy(deployment, progress)
        except DeployZeroException as error:
            await self._fail(deployment, progress, error)
        except asyncio.CancelledError:
            by = self._cancelled.get(deployment.id)
            if by is None:
                await self._fail(deployment, progress, _stopped())
                raise
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            await self._fail(deployment, progress, _cancelled(by), State.CANCELLED)
        except Exception as error:
            logger.exception("deployment %s", deployment.id)
            broken = DeployZeroException(
                f"deployzero itself failed ({type(error).__name__})",
                "The server's log says more; try again.",
            )
            await self._fail(deployment, progress, broken)
        finally:
            self._open.pop(deployment.id, None)
            self._cancelled.pop(deployment.id, None)
            await self._platform.logs.end(deployment.id)
            await remove_checkout(deployment)

    def cancel(self, deployment_id: int, by: str) -> None:
        """Stop it, unless it is live or ends already. by: who asks."""
        task = self._open.pop(deployment_id, None)
        if task is not None:
            self._cancelled[deployment_id] = by
            task.cancel()

    async def close(self) -> None:
        """Leave the old releases' last requests to the next start's reconcile."""
        for task in self._retirements:
            task.cancel()
        await asyncio.gather(*self._retirements, return_exceptions=True)

    def in_background(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run it behind the pushes; `close` cuts it off."""
        task = asyncio.create_task(work)
        self._retirements.add(task)
        task.add_done_callback(self._retirements.discard)
        return task

    async def _deploy(self, deployment: Deployment, progress: Progress) -> None:
        deployment, plan = await take_turn(self._platform, deployment)
        await redact(self._platform, deployment, plan, plan.config)
        for number, text in enumerate(plan.story):
            (progress.detail if number else progress.step)(text)
        release = await self._prepare(deployment, plan, progress)
        progress.enter("boot")
        if plan.builds:
            await run_release_command(self._platform, release, progress)
        counts = formation(release.config, plan.wanted)
        _check_any(counts, plan)
        kept = {(row.process, row.index) for row in plan.kept}
        wanted = [slot for slot in slots(counts) if slot not in kept]
        started = await start_processes(self._platform, release, wanted, progress)
        progress.enter("switch")
        booted = (
            f"Healthy after {progress.timings['boot']:.1f}s, switching" if wanted else "Switching"
        )
        progress.step(f"{booted} traffic")
        async with routes.held(self._platform, deployment.app):
            await switch(self._platform, release, started, plan.kept)
            progress.enter(None)
            self._open.pop(deployment.id, None)
            # Half a commit would leave nobody knowing what is live.
            await shielded(self._commit(release, plan, started, progress))

    async def _prepare(self, deployment: Deployment, plan: Plan, progress: Progress) -> Release:
        """What to start: made from the commit, or as a release had it."""
        config, image = plan.config, plan.image
        if config is None or image is None:
            config, image = await self._images.make(deployment, plan, progress)
        async with self._platform.database.begin() as session:
            deployment = await deployments.transition(
                session, deployment.id, State.DEPLOYING, image=image, config=stored_config(config)
            )
        project_id = deployment.project_id
        return Release(
            deployment=deployment,
            config=config,
            environment=environment(self._platform, project_id, config, plan.app, plan.server),
            limits=plan.limits,
            checks=plan.checks,
        )

    async def _commit(
        self, release: Release, plan: Plan, started: list[Container], progress: Progress
    ) -> None:
        progress.timings["total"] = _total(release.deployment)
        live = await commit(self._platform, release.deployment, plan, started, progress.timings)
        # From here on nothing may call it failed; what is cut off, reconcile finishes.
        release = dataclasses.replace(release, deployment=live)
        self.in_background(retire_release(self._platform, release, plan.old, started))
        try:
            await self._name_commit(live)
        except DeployZeroException as error:
            logger.error("the branch of %s: %s", live.app, error.message)
        has_web = any(row.process == WEB for row in (*started, *plan.kept))
        url = self._platform.settings.url(live.app) if has_web else "no web process runs"
        progress.detail(progress.summary())
        progress.result(f"Live: {url}   v{live.release}   {progress.timings['total']:.1f}s in all")

    async def _name_commit(self, live: Deployment) -> None:
        """Let the deploy branch name it; whatever `git:set` makes of that branch meanwhile."""
        repositories, named = self._platform.repositories, None
        while True:
            async with self._platform.database.read() as session:
                branch = (await deployments.get(session, live.id)).branch
            if branch == named:
                return
            if named is not None:
                await repositories.set_branch(live.app, named, None)
            await repositories.set_branch(live.app, branch, live.commit)
            named = branch

    async def _fail(
        self,
        deployment: Deployment,
        progress: Progress,
        error: DeployZeroException,
        to: State = State.ERROR,
    ) -> None:
        """Say why, put everything back as the live release has it, then end the row."""
        self._open.pop(deployment.id, None)
        await shielded(self._undo(deployment, progress, error, to))

    async def _undo(
        self, deployment: Deployment, progress: Progress, error: DeployZeroException, to: State
    ) -> None:
        platform = self._platform
        async with platform.database.read() as session:
            now = await deployments.get(session, deployment.id)
            project = await projects.get(session, deployment.project_id)
            live = await deployments.live(session, deployment.project_id)
            rows = await containers.of_deployment(session, deployment.id)
        if now.state is State.LIVE:
            return
        progress.enter(None)
        progress.error(error)
        progress.detail(what_stays(project, live))
        with _told(deployment):
            await restore_app(platform, project, live)
        taking = self.in_background(self._take_back(now, rows, "switch" in progress.timings))
        await asyncio.wait({taking}, timeout=CANCEL_LIMIT if to is State.CANCELLED else None)
        await end(platform, deployment.id, to, error.message, progress.timings)
        with _told(deployment):
            await forget_secrets(platform, deployment.project_id)

    async def _take_back(
        self, deployment: Deployment, rows: list[Container], switched: bool
    ) -> None:
        platform = self._platform

        async def remove(row: Container) -> None:
            if switched:  # it may have requests under way
                await drain_container(platform, deployment, row, DRAIN_LIMIT)
            await remove_container(platform, row)

        with _told(deployment):
            await asyncio.gather(*(remove(row) for row in rows))
            await platform.runtime.remove_image(platform.image_tag(deployment.app, deployment.id))


@contextlib.contextmanager
def _told(deployment: Deployment) -> Iterator[None]:
    """What an undo leaves, the watch clears away; the row must end."""
    try:
        yield
    except DeployZeroException as error:
        logger.error("undoing deployment %s: %s", deployment.id, error.message)
    except Exception:
        logger.exception("undoing deployment %s", deployment.id)


def _check_any(counts: dict[str, int], plan: Plan) -> None:
    """Raises ContainerError if nothing runs although nobody asked for that."""
    if not any(counts.values()) and not counts.keys() & plan.wanted.keys():
        raise ContainerError(
            "there is no process to run", "Add a line `web: <command>` to the Procfile."
        )


def _stopped() -> DeploymentCancelledError:
    return DeploymentCancelledError(
        "deployzero was stopped before this was live", "Try again once it is back."
    )


def _cancelled(by: str) -> DeploymentCancelledError:
    return DeploymentCancelledError(f"cancelled by {by}")


def _total(deployment: Deployment) -> float:
    """Seconds since the push's session began: what came before the row, and since."""
    before = deployment.timings.get("receive", 0.0) + deployment.timings.get("checkout", 0.0)
    return round(before + (dt.datetime.now(dt.UTC) - deployment.created_at).total_seconds(), 4)
