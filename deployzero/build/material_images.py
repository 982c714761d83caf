"""The throwaway images that hold build-only material: made when needed, gone at the end."""

import asyncio
import functools
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from docker import APIClient
from docker.errors import APIError, ImageNotFound

from deployzero.build import material
from deployzero.build.engine import Engine
from deployzero.build.material import material_tag_prefix as material_tag_prefix
from deployzero.errors import BuildError

LABEL = "deployzero.build-material"


class MaterialImages:
    """At most the images that builds use now and the one used last are on the engine.

    Several processes may work for one instance (the server, a hook of stock git's): each
    removes what it made itself. What a killed one left goes at the server's next start.
    """

    def __init__(self, engine: Engine, instance: str, key: bytes, ca_bundle: Path | None) -> None:
        self._engine = engine
        self._instance = instance
        self._key = key
        self._ca_bundle = ca_bundle
        self._there: set[str] = set()
        self._made: set[str] = set()
        self._users: Counter[str] = Counter()
        self._making = asyncio.Lock()

    @asynccontextmanager
    async def use(
        self, environment: Mapping[str, str], *, once: bool = False
    ) -> AsyncIterator[str]:
        """Name of an image with the CA bundle and these variables, there while in use.

        once: it goes right after that, and is not kept for the next build.
        """
        content = await self._engine.run(self._content, environment)
        name = material.image_name(self._instance, self._key, content)
        self._users[name] += 1
        try:
            await self._ensure(name, content)
            yield name
        finally:
            self._users[name] -= 1
            if once and not self._users[name]:
                await self._drop(name)

    def forget(self) -> None:
        """Look again: somebody removed an image."""
        self._there.clear()

    async def close(self) -> None:
        """Remove what this object made, as far as the engine answers."""
        try:
            await self._remove(self._made)
        except BuildError:
            return  # the engine is gone; the server's next start finds them by their tag

    async def _ensure(self, name: str, content: Mapping[str, bytes]) -> None:
        async with self._making:
            if name in self._there:
                return
            if not await self._engine.has_image(name):
                self._made.add(name)
                await self._engine.call(lambda client: _make(client, name, self._instance, content))
            used = {user for user, count in self._users.items() if count}
            await self._remove(self._made - used)
            self._there = used

    async def _drop(self, name: str) -> None:
        async with self._making:
            if not self._users[name]:
                self._there.discard(name)
                await self._remove({name})

    async def _remove(self, names: set[str]) -> None:
        for name in tuple(names):
            await self._engine.call(functools.partial(_remove_image, name))
            self._made.discard(name)

    def _content(self, environment: Mapping[str, str]) -> dict[str, bytes]:
        bundle = self._ca_bundle.read_bytes() if self._ca_bundle else None
        return material.files(bundle, environment)


def _make(client: APIClient, name: str, instance: str, content: Mapping[str, bytes]) -> None:
    repository, _, tag = name.rpartition(":")
    labels = {"deployzero.instance": instance, LABEL: "true"}
    client.import_image_from_data(
        material.tar(content),
        repository=repository,
        tag=tag,
        changes=[f"LABEL {key}={value}" for key, value in labels.items()],
    )


def _remove_image(name: str, client: APIClient) -> None:
    try:
        client.remove_image(name, force=True)
    except (ImageNotFound, APIError):
        return  # another was quicker, or it is in use and goes at the server's next start
