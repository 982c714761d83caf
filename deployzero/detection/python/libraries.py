"""Debian packages that Python packages need: the table buildpacks/python/libraries.toml."""

import functools
import tomllib
from pathlib import Path

from packaging.utils import canonicalize_name

TABLE = Path(__file__).parents[2] / "buildpacks" / "python" / "libraries.toml"


def libraries(names: set[str]) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """(packages to build with, packages to run with, reasons) for these requirements."""
    build: dict[str, None] = {}
    run: dict[str, None] = {}
    reasons = []
    for entry in _table():
        wanted = [name for name in entry["for"] if name in names]
        if wanted:
            build |= dict.fromkeys(entry["build"])
            run |= dict.fromkeys(entry["run"])
            packages = ", ".join(dict.fromkeys((*entry["build"], *entry["run"])))
            reasons.append(f"{wanted[0]} needs {packages} of Debian: installed too")
    return tuple(build), tuple(run), reasons


@functools.cache
def _table() -> tuple[dict[str, tuple[str, ...]], ...]:
    rows = tomllib.loads(TABLE.read_text())["library"]
    return tuple(
        {
            "for": tuple(canonicalize_name(name) for name in row["for"]),
            "build": tuple(row.get("build", ())),
            "run": tuple(row.get("run", ())),
        }
        for row in rows
    )
