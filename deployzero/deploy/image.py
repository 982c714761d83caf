"""From a deployment's commit to its image: check out, detect, build."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from deployzero.build.builder import BuildRequest, BuildResult
from deployzero.deploy import variables
from deployzero.deploy.build_output import BuildOutput
from deployzero.deploy.disk import check_disk
from deployzero.deploy.plan import Plan
from deployzero.deploy.platform import Platform
from deployzero.deploy.progress import Progress
from deployzero.deploy.release import generated_secrets
from deployzero.deploy.shielded import shielded
from deployzero.detection import ProjectDetector
from deployzero.errors import DeployZeroException
from deployzero.models.buildpacks import buildpacks
from deployzero.models.deployment import Deployment
from deployzero.models.project import ProjectConfig
from deployzero.source.checkout import checkout, checkout_folder


class Images:
    """Makes images, as many at once as BUILD_CONCURRENCY allows."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._slots = asyncio.Semaphore(platform.settings.build_concurrency)
        self.waiting = 0
        """Builds whose turn has not come: they cost nothing but their checkout."""

    async def make(
        self, deployment: Deployment, plan: Plan, progress: Progress
    ) -> tuple[ProjectConfig, str]:
        """How to run the deployment's commit, and the image to run."""
        async with _tree(self._platform, deployment, progress) as source:
            config = await _detect(self._platform, source, plan, progress)
            await redact(self._platform, deployment, plan, config)
            return config, await self._build(deployment, plan, config, source, progress)

    async def _build(
        self,
        deployment: Deployment,
        plan: Plan,
        config: ProjectConfig,
        source: Path,
        progress: Progress,
    ) -> str:
        async with self._slot(progress):
            progress.enter("build")
            check_disk(self._platform)
            request = BuildRequest(
                app=deployment.app,
                tag=self._platform.image_tag(deployment.app, deployment.id),
                source=source,
                config=config,
                owner=str(deployment.project_id),
                labels=self._platform.labels(deployment.app, deployment.id),
                environment=variables.build_values(plan.app, plan.server),
            )
            return (await self._told(request, BuildOutput(progress))).tag

    @asynccontextmanager
    async def _slot(self, progress: Progress) -> AsyncIterator[None]:
        if self._slots.locked():
            progress.step("Waiting for another app's build to end")
            progress.enter("wait")
        self.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    async def _told(self, request: BuildRequest, output: BuildOutput) -> BuildResult:
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


async def redact(
    platform: Platform, deployment: Deployment, plan: Plan, config: ProjectConfig | None
) -> None:
    """Nothing that the app or its build gets as a secret may show in the log."""
    values = variables.secrets(plan.app, plan.server)
    values += platform.settings.build_env.values()
    marked: Iterable[str] = ()
    if config is not None:
        values += config.environment.values()
        marked = generated_secrets(platform, deployment.project_id, config).values()
    await platform.logs.secrets_for(deployment.id, values, marked)


@asynccontextmanager
async def _tree(
    platform: Platform, deployment: Deployment, progress: Progress
) -> AsyncIterator[Path]:
    """The folder of the commit's files: what came with the deployment, else one for a while."""
    if deployment.checkout:
        yield Path(deployment.checkout)
        return
    progress.enter("checkout")
    into = checkout_folder(platform.checkouts, deployment.app, deployment.commit)
    try:
        await _check_out(platform, deployment, into)
        yield into
    finally:
        await asyncio.to_thread(shutil.rmtree, into, ignore_errors=True)


async def _check_out(platform: Platform, deployment: Deployment, into: Path) -> None:
    def write() -> None:
        with platform.repositories.open(deployment.app) as repo:
            checkout(repo, deployment.commit, into)

    loop = asyncio.get_running_loop()
    await shielded(loop.run_in_executor(platform.repositories.pool, write))


async def _detect(
    platform: Platform, source: Path, plan: Plan, progress: Progress
) -> ProjectConfig:
    progress.enter("detect")
    stacks = buildpacks(platform.settings.own_buildpacks)
    chosen = variables.values(plan.app, plan.server)
    config = await asyncio.to_thread(ProjectDetector(stacks).detect, source, chosen)
    progress.step(f"{stacks.title(config.type)} app detected")
    for reason in config.reasons:
        progress.detail(reason)
    return config
