"""One server for all samples, with a stack that only its operator has."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import Daemon

README = Path(__file__).parents[3] / "buildpacks" / "README.md"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("samples")
    _perl_of_the_readme(folder / "buildpacks" / "perl")
    settings = {
        "DEPLOYZERO_BUILDPACKS": str(folder / "buildpacks"),
        "DEPLOYZERO_BUILD_CONCURRENCY": "2",
        "DEPLOYZERO_BOOT_TIMEOUT": "30",
    }
    daemon = Daemon(folder / "server", settings)
    daemon.start()
    yield daemon
    daemon.down()


def _perl_of_the_readme(folder: Path) -> None:
    """What the README says is all that a new stack needs."""
    example = re.search(r"```toml\n(name = \"perl\".*?)```", README.read_text(), re.DOTALL)
    assert example, "the README shows no buildpack"
    folder.mkdir(parents=True)
    (folder / "buildpack.toml").write_text(example[1])
