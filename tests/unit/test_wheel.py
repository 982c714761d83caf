"""What is no Python and ships all the same."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
READ_BY_PEOPLE = {".md"}


def test_every_file_of_a_buildpack_ships_in_the_wheel():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = {name[1:] for name in project["tool"]["setuptools"]["package-data"]["*"]}
    files = [path for path in (ROOT / "buildpacks").rglob("*") if path.is_file()]
    assert len(files) > 20
    assert {path.suffix for path in files} - shipped <= READ_BY_PEOPLE
