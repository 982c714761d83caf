from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from daemon import Daemon, docker_client, repository
from python_image import make_image

from deployzero.runtime.docker_manager import DockerManager


@pytest.fixture(scope="session", autouse=True)
def _engine() -> None:
    """A missing engine is a failure, not a skip."""
    docker_client().ping()


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One running server for all tests that need none of their own; each has its own apps."""
    server = Daemon(tmp_path_factory.mktemp("deployzero"))
    server.start()
    yield server
    server.down()


@pytest.fixture(scope="module")
def python_image(request: pytest.FixtureRequest) -> Iterator[None]:
    """The module's TAG names an image with Python in it, labelled as its INSTANCE's."""
    tag, instance = request.module.TAG, request.module.INSTANCE
    make_image(tag, {"deployzero.instance": instance})
    yield
    docker_client().remove_image(tag, force=True)


@pytest.fixture
async def docker_manager(request: pytest.FixtureRequest) -> AsyncIterator[DockerManager]:
    """Of the module's INSTANCE; what it has at the end is removed."""
    made = DockerManager("", request.module.INSTANCE)
    yield made
    for container in await made.list_containers():
        await made.remove(container.name)
    for app in await made.list_networks():
        await made.remove_network(app)
    made.close()


@pytest.fixture
def repo(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Make a repository out of files."""
    return lambda files: repository(tmp_path / "repo", files)
