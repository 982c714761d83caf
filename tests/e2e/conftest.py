from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import Daemon, docker_client, repository


@pytest.fixture(scope="session", autouse=True)
def _engine() -> None:
    """A missing engine is a failure, not a skip."""
    docker_client().ping()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One running server for the tests of a module; each test has apps of its own."""
    server = Daemon(tmp_path_factory.mktemp("deployzero"))
    server.start()
    yield server
    server.down()


@pytest.fixture
def repo(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Make a repository out of files."""
    return lambda files: repository(tmp_path / "repo", files)
