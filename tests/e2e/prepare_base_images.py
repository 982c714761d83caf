"""Make the base images that most servers of the tests begin with.

Before them: two servers that miss one at the same time would each make it.
"""

import asyncio
import secrets
import tempfile
from pathlib import Path

from daemon import KEY, docker_client

from deployzero.build.builder import Builder
from deployzero.cli.foreground import STACKS
from deployzero.models.project import ProjectConfig
from deployzero.settings import Settings


async def prepare(data: Path, instance: str) -> None:
    builder = Builder(Settings(data_dir=data, base_images="debian"), instance, KEY)
    try:
        await asyncio.gather(*(builder.prepare(ProjectConfig(each), print) for each in STACKS))
    finally:
        await builder.close()


if __name__ == "__main__":
    instance = f"test-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(prepare(Path(folder), instance))
    client = docker_client()
    for image in client.images(filters={"label": f"deployzero.instance={instance}"}):
        client.remove_image(image["Id"], force=True)
