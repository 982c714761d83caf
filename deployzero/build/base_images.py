"""Makes sure that the base images of a project are on the engine: pulled, or made once."""

import asyncio
import functools
import hashlib
import re
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import docker.errors
import requests
from docker import APIClient

from deployzero.build import base_image_names as names
from deployzero.build import debian
from deployzero.build.base_dockerfile import render_base
from deployzero.build.base_image_names import NO_REGISTRY, BaseImage, Stack
from deployzero.build.buildkit import Order
from deployzero.build.cache_scope import cache_scope
from deployzero.build.context import write_files
from deployzero.build.engine import Engine
from deployzero.build.solver import solve
from deployzero.errors import BuildError
from deployzero.models.buildpacks import buildpacks
from deployzero.models.project import ProjectConfig
from deployzero.settings import Settings

LABEL = "deployzero.base-image"
CACHE_OWNER = "deployzero.base"
"""Not a name that an app can have."""
PROBE_SECONDS = 5.0
_NOT_THERE = re.compile("No matching distribution|No matching version|ETARGET")
"""In the words of pip and npm."""
OnLine = Callable[[str], None]


class BaseImages:
    """Knows for the process's life what is there, and makes nothing twice at a time."""

    def __init__(self, engine: Engine, settings: Settings, key: bytes) -> None:
        self._engine = engine
        self._settings = settings
        self._cache_scope = cache_scope(key, CACHE_OWNER)
        self._prefix = names.registry_prefix(settings.base_images)
        self._buildpacks = buildpacks(settings.own_buildpacks)
        self._registry_answers: bool | None = None
        self._ready: set[str] = set()
        self._making: dict[str, asyncio.Task[None]] = {}
        self._listeners: dict[str, list[OnLine]] = {}

    async def ensure(
        self, config: ProjectConfig, material: str, hidden: list[str], on_line: OnLine
    ) -> BaseImage:
        """The base images of this project, on the engine.

        `material` is mounted while own images are made. Raises BuildError where they can
        be neither pulled nor made.
        """
        buildpack = self._buildpacks.stacks.get(config.type)
        if self._settings.base_images != "debian":
            base = names.official(config, self._prefix, buildpack)
            if await self._pulled(base, on_line):
                return base
        stacks = dict.fromkeys(("build", "runtime"), names.stack(config, buildpack))
        if names.is_site(config):
            stacks["runtime"] = Stack("static", names.NEWEST["static"], "trixie")
        elif names.is_tiny(config):
            stacks["runtime"] = Stack("tiny", "13", "trixie")
        images = {}
        for variant, stack in stacks.items():
            if variant == "build" and not names.needs_build_image(config):
                continue
            images[variant] = await self._stack(stack, variant, material, hidden, on_line)
        if stacks["build"].note:
            on_line(stacks["build"].note)
        return BaseImage(
            images.get("build", images["runtime"]),
            images["runtime"],
            "debian",
            stacks["build"].version,
        )

    def ready(self) -> tuple[str, ...]:
        return tuple(sorted(self._ready))

    async def answers(self, image: str) -> bool:
        """A registry has this image, told within PROBE_SECONDS."""
        name, _, tag = image.rpartition(":")
        reference = image if "/" not in tag and name else f"{image}:latest"

        def probe(client: APIClient) -> bool:
            url = f"{client.base_url}/v{client.api_version}/distribution/{reference}/json"
            return client.get(url, timeout=PROBE_SECONDS).status_code == 200

        try:
            client = await self._engine.client()
            async with asyncio.timeout(PROBE_SECONDS):
                return await self._engine.run(probe, client)
        except (TimeoutError, requests.RequestException):
            return False

    def forget(self) -> None:
        """Look again: somebody removed an image."""
        self._ready.clear()

    async def close(self) -> None:
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pulled(self, base: BaseImage, on_line: OnLine) -> bool:
        """The official images are here; False: fall back to Debian (`auto` alone does)."""
        auto = self._settings.base_images == "auto"
        if auto and self._registry_answers is False:
            return False
        wanted = sorted({base.build, base.runtime})
        missing = [i for i in wanted if i not in self._ready and not await self._there(i)]
        if not missing:
            return True
        if auto and self._registry_answers is None:
            self._registry_answers = await self.answers(missing[0])
            if not self._registry_answers:
                on_line("No image registry in reach: base images are made from Debian")
                return False
        try:
            for image in missing:
                await self._once(image, functools.partial(self._pull, image), on_line)
        except BuildError as error:
            if not auto:
                raise
            on_line(f"{error.message}: base images are made from Debian")
            return False
        return True

    async def _pull(self, image: str) -> None:
        started = time.monotonic()
        self._tell(image, f"Pulling the base image {image}")

        def pull(client: APIClient) -> str:
            name, _, tag = image.rpartition(":")
            try:
                for message in client.pull(name, tag, stream=True, decode=True):
                    if "error" in message:
                        return str(message["error"])
            except docker.errors.APIError as error:
                return str(error.explanation)
            return ""

        said = await self._engine.call(pull)
        if said:
            raise BuildError(
                f"the base image {image} cannot be pulled",
                "Let the server reach its registry, or set DEPLOYZERO_BASE_IMAGES=debian.",
                [said],
            )
        self._tell(image, f"Pulled in {time.monotonic() - started:.0f} s")

    async def _stack(
        self, stack: Stack, variant: str, material: str, hidden: list[str], on_line: OnLine
    ) -> str:
        base = self._suite_image(stack.suite)
        digest = _digest(base, render_base(stack, base))
        image = f"{NO_REGISTRY}/{stack.name}:{stack.version}-{variant}-{digest}"
        if image in self._ready or await self._there(image):
            return image
        order = Order(
            id=f"{digest}-{variant}-{time.time_ns()}",
            tag=image,
            labels={LABEL: stack.name},
            target=variant,
        )
        make = functools.partial(self._make, stack, base, order, material, hidden)
        await self._once(image, make, on_line)
        return image

    async def _make(
        self, stack: Stack, base: str, order: Order, material: str, hidden: list[str]
    ) -> None:
        """The suite, where it is not there yet, and the stack on it."""
        started = time.monotonic()
        what = f"{stack.name} {stack.version}, {order.target}"
        self._tell(order.tag, f"Making the base image ({what}) from Debian, only once")
        await self._once(
            base, lambda: self._suite(stack.suite, base), lambda line: self._tell(order.tag, line)
        )
        dockerfile = render_base(stack, base, self._cache_scope, material)
        with tempfile.TemporaryFile() as context:
            write_files(context, {"Dockerfile": dockerfile})
            try:
                await solve(
                    self._engine,
                    order,
                    context,
                    lambda line: None,
                    seconds=debian.MAKE_SECONDS,
                    hidden=hidden,
                )
            except BuildError as error:
                title = self._buildpacks.title(stack.name)
                raise _no_such_version(title, stack, error) from error
        self._tell(order.tag, f"Made in {time.monotonic() - started:.0f} s")

    async def _suite(self, suite: str, image: str) -> None:
        if await self._there(image):
            return
        with tempfile.TemporaryDirectory(prefix="deployzero-") as folder:
            root = Path(folder) / "root.tar"
            await debian.bootstrap(suite, self._settings.debian_mirror, root)
            name, _, tag = image.rpartition(":")
            changes = [*debian.CHANGES, f"LABEL {LABEL}={suite}"]
            await self._engine.call(
                lambda client: client.import_image_from_file(str(root), name, tag, changes)
            )

    def _suite_image(self, suite: str) -> str:
        digest = _digest(self._settings.debian_mirror, *debian.OPTIONS, *debian.CHANGES)
        return f"{NO_REGISTRY}/base:{suite}-{digest}"

    async def _there(self, image: str) -> bool:
        if await self._engine.has_image(image):
            self._ready.add(image)
            return True
        return False

    async def _once(
        self, image: str, make: Callable[[], Coroutine[None, None, None]], on_line: OnLine
    ) -> None:
        """Make it in a task of its own: a build that is cancelled leaves it to the others."""
        if image in self._ready:
            return
        listeners = self._listeners.setdefault(image, [])
        listeners.append(on_line)
        if image not in self._making:
            self._making[image] = asyncio.create_task(make())
            self._making[image].add_done_callback(lambda done: self._made(image, done))
        else:
            on_line(f"Waiting for the base image {image}, which another build makes")
        try:
            await asyncio.shield(self._making[image])
        finally:
            listeners.remove(on_line)

    def _tell(self, image: str, line: str) -> None:
        """To those who wait for it now; the first of them may be gone."""
        for on_line in tuple(self._listeners.get(image, ())):
            on_line(line)

    def _made(self, image: str, task: "asyncio.Task[None]") -> None:
        del self._making[image]
        if not task.cancelled() and task.exception() is None:
            self._ready.add(image)


def _no_such_version(title: str, stack: Stack, error: BuildError) -> BuildError:
    """The clear word for a version that no registry has; any other error stays as it is."""
    if not (stack.package and _NOT_THERE.search(" ".join(error.detail))):
        return error
    return BuildError(
        f"{title} {stack.version} was asked for, and cannot be had",
        "Ask for a version that was released, or let the server use official images: "
        "DEPLOYZERO_BASE_IMAGES=official, or a registry that mirrors them.",
        error.detail,
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(part.strip() for part in parts).encode()).hexdigest()[:8]
