"""A source tree from a dictionary, and the detector's answer to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployzero.detection import ProjectDetector
from deployzero.models.project import ProjectConfig

Files = dict[str, str | bytes]
Detect = Callable[[Files], ProjectConfig]


@pytest.fixture
def plant(tmp_path: Path) -> Callable[[Files], Path]:
    def write(files: Files) -> Path:
        root = tmp_path / "tree"
        root.mkdir(exist_ok=True)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    return write


@pytest.fixture
def detect(plant: Callable[[Files], Path]) -> Detect:
    return lambda files: ProjectDetector().detect(plant(files))


@pytest.fixture
def examine(plant: Callable[[Files], Path]) -> Detect:
    return lambda files: ProjectDetector().examine(plant(files))


def pytest_make_parametrize_id(config: Any, val: Any) -> str | None:
    return val if isinstance(val, str) and len(val) < 60 else None
