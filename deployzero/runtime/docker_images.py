"""The images of one instance, by label; others' are never touched."""

from typing import Any

from docker import APIClient
from docker.errors import ImageNotFound

from deployzero.errors import ContainerError
from deployzero.runtime import labels
from deployzero.runtime.container import Image
from deployzero.runtime.engine import Engine


class DockerImages:
    def __init__(self, engine: Engine, instance: str) -> None:
        self._engine = engine
        self._instance = instance

    async def every(self) -> list[Image]:
        """Images that carry this instance's label."""
        wanted = [f"{labels.INSTANCE}={self._instance}"]

        def listed(client: APIClient) -> list[dict[str, Any]]:
            return list(client.images(filters={"label": wanted}))

        return [
            Image(i["Id"], tuple(i["RepoTags"] or ()), dict(i["Labels"] or {}), int(i["Size"]))
            for i in await self._engine.call(listed)
        ]

    async def remove(self, tag: str) -> None:
        """Idempotent. Raises ContainerError while a container uses it."""

        def remove(client: APIClient) -> None:
            try:
                found = client.inspect_image(tag)  # type: ignore[no-untyped-call]
                if (found["Config"]["Labels"] or {}).get(labels.INSTANCE) != self._instance:
                    raise foreign(tag)
                client.remove_image(tag)
            except ImageNotFound:
                return

        await self._engine.call(remove)


def foreign(name: str) -> ContainerError:
    return ContainerError(
        f"{name} does not belong to this deployzero",
        "Nothing was touched; it has no label of ours.",
    )
