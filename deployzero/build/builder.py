"""Source tree and ProjectConfig in, image out."""

import asyncio
import functools
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from docker import APIClient

from deployzero.build import context, material, own_dockerfile
from deployzero.build.base_image_names import NO_REGISTRY, BaseImage, is_site
from deployzero.build.base_images import BaseImages
from deployzero.build.buildkit import Order
from deployzero.build.cache_scope import cache_scope
from deployzero.build.confinement import confine
from deployzero.build.dockerfile import nginx_conf, pack_files, render
from deployzero.build.engine import Engine, inspected, threads_for
from deployzero.build.failure import explain
from deployzero.build.material_images import MaterialImages
from deployzero.build.solver import Solution, out_of_time, solve
from deployzero.errors import BuildError
from deployzero.models.buildpacks import buildpacks
from deployzero.models.project import ProjectConfig
from deployzero.settings import Settings, parse_bytes

OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BuildRequest:
    app: str
    tag: str
    """The image's name."""
    source: Path
    """Folder that holds the tree; it is read, never written."""
    config: ProjectConfig
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    """Whose caches it uses: the project's id."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables that each RUN gets, and no layer keeps; they go before the server's."""


@dataclass(frozen=True, slots=True)
class BuildResult:
    image_id: str
    tag: str
    steps: int
    """Steps of the Dockerfile that were looked at, base images left out."""
    cached: int
    seconds: float
    size_bytes: int


class Builder:
    """Builds images with BuildKit. `close` it to let go of its threads and material."""

    def __init__(self, settings: Settings, instance: str, key: bytes) -> None:
        """`key`: the server's own, which names are made of that no app may guess."""
        self._settings = settings
        self._key = key
        self._engine = Engine(settings.docker_host, threads_for(settings.build_concurrency))
        self._base_images = BaseImages(self._engine, settings, key)
        self._materials = MaterialImages(self._engine, instance, key, settings.ca_bundle)
        self._confined = False
        self._running: set[asyncio.Task[object] | None] = set()

    async def build(self, request: BuildRequest, on_line: OnLine) -> BuildResult:
        """Build and tag the image; `on_line` gets each line, in the event loop, as it comes.

        Raises BuildError where a step fails, ResourceLimitError for time, memory and disk.
        When the task is cancelled the engine's build has ended before this returns.
        """
        started = time.monotonic()
        with self._tracked():
            try:
                solution = await self._twice(request, started, on_line)
            except TimeoutError:
                raise out_of_time(self._settings.build_timeout) from None
            size = await self._engine.call(lambda client: _size(client, solution.image_id))
        return BuildResult(
            image_id=solution.image_id,
            tag=request.tag,
            steps=solution.steps,
            cached=solution.cached,
            seconds=time.monotonic() - started,
            size_bytes=size,
        )

    async def _twice(self, request: BuildRequest, started: float, on_line: OnLine) -> Solution:
        """Once more where somebody removed one of our images behind our back."""
        try:
            return await self._attempt(request, started, on_line)
        except BuildError as error:
            if NO_REGISTRY not in error.message:
                raise
            self._base_images.forget()
            self._materials.forget()
            return await self._attempt(request, started, on_line)

    async def prepare(self, config: ProjectConfig, on_line: OnLine) -> BaseImage:
        """Have the base images of such a project ready before the first push needs them."""
        with self._tracked():
            return await self._base(config, on_line)

    def base_images(self) -> tuple[str, ...]:
        """Those that were used or made since the start, by name."""
        return self._base_images.ready()

    async def _base(self, config: ProjectConfig, on_line: OnLine) -> BaseImage:
        """Made with the server's variables alone, since all apps share it."""
        environment = self._settings.build_env
        async with self._materials.use(environment) as image:
            hidden = material.secrets(environment)
            return await self._base_images.ensure(config, image, hidden, on_line)

    async def close(self) -> None:
        """Stop what still builds, then let go of threads and material."""
        tasks = [task for task in self._running - {asyncio.current_task()} if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._base_images.close()
        await self._materials.close()
        self._engine.close()

    @contextmanager
    def _tracked(self) -> Iterator[None]:
        """The task that builds, so that `close` finds it."""
        task = asyncio.current_task()
        self._running.add(task)
        try:
            yield
        finally:
            self._running.discard(task)

    async def _attempt(self, request: BuildRequest, started: float, on_line: OnLine) -> Solution:
        """Raises TimeoutError where the time is over before the engine builds."""
        deadline = started + self._settings.build_timeout  # the event loop's clock is the same
        environment = {**self._settings.build_env, **request.environment}
        hidden = material.secrets(environment)
        limit = asyncio.timeout_at(deadline)
        once = bool(request.environment)
        async with limit, self._materials.use(environment, once=once) as image:
            await self._confine()
            with tempfile.TemporaryFile(dir=self._spool()) as tar:
                if request.config.type == "dockerfile":
                    await self._write_own(tar, request, image, deadline, on_line)
                else:
                    base = await self._base(request.config, on_line)
                    front_end = request.config.assets
                    assets = await self._base(front_end, on_line) if front_end else None
                    await self._write_generated(tar, request, image, (base, assets), deadline)
                limit.reschedule(None)  # the engine's build ends itself, and says how far it was
                return await solve(
                    self._engine,
                    Order(
                        id=uuid.uuid4().hex,
                        tag=request.tag,
                        labels=request.labels,
                        dockerfile=_dockerfile_path(request.config),
                    ),
                    tar,
                    on_line,
                    seconds=self._settings.build_timeout,
                    begun=started,
                    hidden=hidden,
                    explain=functools.partial(
                        explain,
                        memory=self._settings.build_memory,
                        app=request.app,
                        stack=request.config.type,
                    ),
                )

    async def _write_generated(
        self,
        tar: IO[bytes],
        request: BuildRequest,
        image: str,
        bases: tuple[BaseImage, BaseImage | None],
        deadline: float,
    ) -> None:
        config, (base, assets) = request.config, bases
        stacks = buildpacks(self._settings.own_buildpacks)
        scope = _scope(self._key, request)
        files = {
            "Dockerfile": render(config, base, scope, image, stacks, assets),
            **pack_files(config, stacks),
        }
        if is_site(config):
            files["nginx.conf"] = nginx_conf(config)
        await self._engine.run(
            context.write_generated, tar, request.source, config, files, deadline
        )

    async def _write_own(
        self,
        tar: IO[bytes],
        request: BuildRequest,
        image: str,
        deadline: float,
        on_line: OnLine,
    ) -> None:
        source, config = request.source, request.config
        text = await self._engine.run(
            own_dockerfile.read, source / config.root, _dockerfile_path(config)
        )
        frontend = own_dockerfile.syntax_image(text)
        if frontend and not await self._frontend(frontend):
            on_line(f"'# syntax={frontend}' is left out: its image cannot be fetched here")
            text = own_dockerfile.without_syntax(text)
        scope = _scope(self._key, request)
        text = await self._engine.run(own_dockerfile.rewrite, text, image, scope)
        await self._engine.run(context.write_own, tar, source, config, text, deadline)

    async def _frontend(self, image: str) -> bool:
        return await self._engine.has_image(image) or await self._base_images.answers(image)

    def _spool(self) -> Path:
        """Where contexts are written: /tmp may be memory."""
        folder = self._settings.data_dir / "spool"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def _confine(self) -> None:
        if not self._confined:
            self._confined = True
            await self._engine.run(confine, parse_bytes(self._settings.build_memory))


def _dockerfile_path(config: ProjectConfig) -> str:
    return (config.dockerfile or "Dockerfile") if config.type == "dockerfile" else "Dockerfile"


def _size(client: APIClient, image_id: str) -> int:
    return int(inspected(client, image_id)["Size"])


def _scope(key: bytes, request: BuildRequest) -> str:
    return cache_scope(key, request.owner or request.app)
