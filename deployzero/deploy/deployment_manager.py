"""Take one deployment from its row to live, or to `error` with everything undone."""

import asyncio
import datetime as dt
import logging
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from deployzero.build.builder import BuildRequest, BuildResult
from deployzero.deploy import routes
from deployzero.deploy.boot import release_route, run_release_command, start_processes
from deployzero.deploy.build_output import BuildOutput
from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import WEB, checks, generated_secrets, stored_config
from deployzero.deploy.progress import Progress
from deployzero.deploy.reconcile import restore_app
from deployzero.deploy.retire import drain_container, remove_container, retire_release
from deployzero.deploy.turn import check_turn
from deployzero.detection import ProjectDetector
from deployzero.errors import (
    ContainerError,
    DeploymentCancelledError,
    DeployZeroException,
    ResourceLimitError,
    RoutingError,
)
from deployzero.models.deployment import Container, Deployment, State
from deployzero.models.project import ProjectConfig
from deployzero.settings import parse_bytes
from deployzero.store import containers, deployments

logger = logging.getLogger(__name__)

DRAIN_LIMIT = 3.0
"""Seconds for requests that reached a release which is taken back; its push waits for it."""
TITLES = {
    "nodejs": "Node.js",
    "python": "Python",
    "go": "Go",
    "static": "Static",
    "dockerfile": "Dockerfile",
}


class DeploymentManager:
    """Runs the state machine of a claimed deployment; the worker owns the task."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._build_slots = asyncio.Semaphore(platform.settings.build_concurrency)
        self._retirements: set[asyncio.Task[None]] = set()

    async def run(self, deployment: Deployment) -> None:
        """Deploy; whatever happens, the row ends as live, error or cancelled."""
        progress = Progress(self._platform.logs, deployment.id, deployment.timings)
        try:
            await self._deploy(deployment, progress)
        except DeployZeroException as error:
            await self._fail(deployment, progress, error)
        except asyncio.CancelledError:
            stopped = DeploymentCancelledError(
                "deployzero was stopped before this was live", "Push again once it is back."
            )
            await self._fail(deployment, progress, stopped)
            raise
        except Exception as error:
            logger.exception("deployment %s", deployment.id)
            broken = DeployZeroException(
                f"deployzero itself failed ({type(error).__name__})",
                "What was live goes on serving. The server's log says more; push again.",
            )
            await self._fail(deployment, progress, broken)
        finally:
            await self._platform.logs.end(deployment.id)
            await asyncio.to_thread(shutil.rmtree, Path(deployment.checkout), ignore_errors=True)

    async def close(self) -> None:
        """Leave the old releases' last requests to the next start's reconcile."""
        for task in self._retirements:
            task.cancel()
        await asyncio.gather(*self._retirements, return_exceptions=True)

    async def _deploy(self, deployment: Deployment, progress: Progress) -> None:
        old = await check_turn(self._platform, deployment)
        config = await self._detect(deployment, progress)
        self._redact(deployment, config)
        image = await self._build(deployment, config, progress)
        await self._move(deployment, State.DEPLOYING, image=image.tag, config=stored_config(config))
        progress.enter("boot")
        await run_release_command(self._platform, deployment, config, progress)
        rows = await start_processes(self._platform, deployment, config, progress)
        progress.enter("switch")
        progress.step(f"Healthy after {progress.timings['boot']:.1f}s, switching traffic")
        await self._switch(deployment, config, rows)
        progress.enter(None)
        await _to_its_end(self._commit(deployment, old, rows, progress))

    async def _detect(self, deployment: Deployment, progress: Progress) -> ProjectConfig:
        progress.enter("detect")
        detect = ProjectDetector().detect
        config = await asyncio.to_thread(detect, Path(deployment.checkout))
        progress.step(f"{TITLES[config.type]} app detected")
        for reason in config.reasons:
            progress.detail(reason)
        return config

    def _redact(self, deployment: Deployment, config: ProjectConfig) -> None:
        """Nothing that the app or its build gets as a secret may show in the log."""
        platform = self._platform
        secrets = generated_secrets(platform, deployment.app, config)
        values = [*config.environment.values(), *platform.settings.build_env.values()]
        platform.logs.secrets_for(deployment.id, values, marked=secrets.values())

    async def _build(
        self, deployment: Deployment, config: ProjectConfig, progress: Progress
    ) -> BuildResult:
        if self._build_slots.locked():
            progress.step("Waiting for another app's build to end")
            progress.enter("wait")
        async with self._build_slots:
            progress.enter("build")
            self._check_disk()
            output = BuildOutput(progress)
            request = BuildRequest(
                app=deployment.app,
                tag=self._platform.image_tag(deployment.app, deployment.id),
                source=Path(deployment.checkout),
                config=config,
                labels=self._platform.labels(deployment.app, deployment.id),
            )
            try:
                image = await self._platform.builder.build(request, output.line)
            except DeployZeroException as error:
                output.release()
                error.detail = output.unprinted(error.detail)
                raise
            except BaseException:
                output.release()
                raise
            output.done(image)
        return image

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self._platform.settings.data_dir).free
        wanted = parse_bytes(self._platform.settings.min_free_disk)
        if free < wanted:
            raise ResourceLimitError(
                f"the server's disk is nearly full: {free >> 20} MB free, {wanted >> 20} MB needed",
                "Free some space on the server (`deployzero doctor` shows where).",
            )

    async def _switch(
        self, deployment: Deployment, config: ProjectConfig, rows: list[Container]
    ) -> None:
        """Point the route at the new containers and wait until the proxy shows that it does."""
        route = release_route(self._platform, deployment, rows)
        if route is None:
            await routes.remove(self._platform, deployment.app)
        else:
            path = next((c.path for c in checks(config, WEB) if c.path), None)
            status = await routes.switch(self._platform, route, path or "/")
            if status >= 500 and path is not None:
                raise RoutingError(
                    f"the app answered {status} through the proxy, although it was healthy before",
                    "Look at its log; the old release serves again.",
                )
        for row in rows:
            found = await self._platform.runtime.status(row.name)
            if found is None or not found.running:
                raise ContainerError(
                    f"the {row.process} process ended right after it was healthy",
                    "See its last lines above.",
                    await self._platform.runtime.logs_tail(row.name, 50),
                )

    async def _commit(
        self,
        deployment: Deployment,
        old: Deployment | None,
        rows: list[Container],
        progress: Progress,
    ) -> None:
        """The commit point: from this transaction on the new release is what is live."""
        progress.timings["total"] = _total(deployment)
        async with self._platform.database.begin() as session:
            live = await deployments.commit_live(session, deployment.id, progress.timings)
            for row in rows:
                await containers.set_health(session, row.id, "healthy")
        # From here on nothing may call it failed; what is cut off, reconcile finishes.
        self.in_background(retire_release(self._platform, live, old, rows))
        try:
            await self._platform.repositories.set_branch(live.app, live.branch, live.commit)
        except DeployZeroException as error:
            logger.error("the branch of %s: %s", live.app, error.message)
        has_web = any(row.process == WEB for row in rows)
        url = self._platform.settings.url(live.app) if has_web else "no web process runs"
        progress.detail(progress.summary())
        progress.result(f"Live: {url}   v{live.release}   {progress.timings['total']:.1f}s in all")

    def in_background(self, work: Coroutine[None, None, None]) -> None:
        """Run it behind the pushes; `close` cuts it off."""
        task = asyncio.create_task(work)
        self._retirements.add(task)
        task.add_done_callback(self._retirements.discard)

    async def _fail(
        self, deployment: Deployment, progress: Progress, error: DeployZeroException
    ) -> None:
        """Say why, put everything back as the live release has it, then end the row."""
        platform = self._platform
        async with platform.database.read() as session:
            now = await deployments.get(session, deployment.id)
            live = await deployments.live(session, deployment.project_id)
            rows = await containers.of_deployment(session, deployment.id)
        if now.state is State.LIVE:
            return
        progress.enter(None)
        progress.error(error)
        try:
            await restore_app(platform, deployment.app, None, live)
            for row in rows:
                if "switch" in progress.timings:  # it may have requests under way
                    await drain_container(platform, now, row, DRAIN_LIMIT)
                await remove_container(platform, row)
            await platform.runtime.remove_image(platform.image_tag(deployment.app, deployment.id))
        except Exception:  # what is left, the watch clears away; the row must end
            logger.exception("undoing deployment %s", deployment.id)
        await self._move(deployment, State.ERROR, reason=error.message, timings=progress.timings)

    async def _move(
        self,
        deployment: Deployment,
        to: State,
        *,
        image: str | None = None,
        config: dict[str, Any] | None = None,
        reason: str | None = None,
        timings: dict[str, float] | None = None,
    ) -> None:
        async with self._platform.database.begin() as session:
            await deployments.transition(
                session,
                deployment.id,
                to,
                image=image,
                config=config,
                reason=reason,
                timings=timings,
            )


async def _to_its_end(work: Coroutine[None, None, None]) -> None:
    """Cancelling does not cut this off: half a commit would leave nobody knowing what is live."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _total(deployment: Deployment) -> float:
    """Seconds since the push's session began: what came before the row, and since."""
    before = deployment.timings.get("receive", 0.0) + deployment.timings.get("checkout", 0.0)
    return round(before + (dt.datetime.now(dt.UTC) - deployment.created_at).total_seconds(), 4)
