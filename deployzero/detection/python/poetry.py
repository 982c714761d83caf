"""Poetry: poetry.lock, with [tool.poetry] as of old or [project]."""

import re

from deployzero.detection.python.lock import locked_names
from deployzero.detection.python.pyproject import Table, extras, name_dependencies, table, tables
from deployzero.detection.python.requirements import Requirements
from deployzero.detection.tree import Tree

INSTALL = "poetry install --only main --no-interaction --no-ansi"


def uses_poetry(tree: Tree, pyproject: Table) -> bool:
    poetry = table(pyproject, "tool", "poetry")
    return bool(pyproject) and (tree.is_file("poetry.lock") or bool(poetry.get("dependencies")))


def read_poetry(tree: Tree, pyproject: Table) -> Requirements:
    """Where poetry.lock is older than pyproject.toml, Poetry stops and says so."""
    locked = tree.is_file("poetry.lock")
    found = Requirements(
        manager="poetry",
        files=["pyproject.toml", *(["poetry.lock"] if locked else [])],
        locked=locked_names(tree, "poetry.lock"),
        reasons=["poetry.lock: installed by Poetry" if locked else _unlocked()],
    )
    given = table(pyproject, "tool", "poetry", "dependencies")
    for name, value in given.items():
        if name != "python":
            found.name(name, extras(value))
    name_dependencies(pyproject, found)
    found.packaged = _installable(tree, pyproject)
    if any("path" in each for value in given.values() for each in tables(value)):
        found.files = []
        found.after_source = [INSTALL if found.packaged else f"{INSTALL} --no-root"]
        found.reasons.append("a dependency lies in the repository: Poetry runs after it is there")
        return found
    found.command = f"{INSTALL} --no-root"
    if found.packaged:
        found.after_source = [INSTALL]
    return found


def _unlocked() -> str:
    return "pyproject.toml [tool.poetry]: installed by Poetry; without poetry.lock versions change"


def _installable(tree: Tree, pyproject: Table) -> bool:
    """The project is a package, and what it would hold is there: many are apps by nature."""
    poetry = table(pyproject, "tool", "poetry")
    if poetry.get("package-mode") is False or "build-system" not in pyproject:
        return False
    if poetry.get("packages"):
        return True
    name = poetry.get("name") or table(pyproject, "project").get("name")
    if not isinstance(name, str):
        return False
    module = re.sub(r"[-.]+", "_", name)
    return any(
        tree.is_dir(f"{base}{module}") or tree.is_file(f"{base}{module}.py")
        for base in ("", "src/")
    )
