"""pyproject.toml: its tables, read with care, and what pip makes of [project]."""

import shlex
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from deployzero.detection.python.requirements import Requirements
from deployzero.detection.tree import Tree, broken

Table = dict[str, Any]


def table(parent: Table, *keys: str) -> Table:
    """The table below these keys; empty when there is none."""
    found: Any = parent
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def tables(value: Any) -> list[Table]:
    """The tables of a list of them, or the one that stands there alone."""
    return [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, dict)]


def texts(value: Any) -> list[str]:
    """Those of a list; [] for what is none."""
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def extras(value: Any) -> list[str]:
    """Of `{version = "*", extras = ["standard"]}`, as Poetry and Pipenv write it, or of several."""
    return [extra for each in tables(value) for extra in texts(each.get("extras"))]


def dependencies(pyproject: Table) -> list[Requirement]:
    """[project] dependencies. Raises ProjectDetectionError for what is no requirement."""
    given = table(pyproject, "project").get("dependencies", [])
    if not isinstance(given, list) or not all(isinstance(line, str) for line in given):
        raise broken("pyproject.toml", None, "has bad project.dependencies: a list of texts")
    found = []
    for line in given:
        try:
            found.append(Requirement(line))
        except InvalidRequirement as error:
            fault = f"project.dependencies: '{line[:60]}' is no requirement"
            raise broken("pyproject.toml", None, fault) from error
    return found


def name_dependencies(pyproject: Table, found: Requirements) -> None:
    for requirement in dependencies(pyproject):
        found.name(requirement.name, requirement.extras)


def scripts(pyproject: Table) -> dict[str, str]:
    """Commands that installing the project makes: name to 'module:function', '' where untold."""
    for keys in (("project", "scripts"), ("tool", "poetry", "scripts")):
        if found := table(pyproject, *keys):
            return {name: to if isinstance(to, str) else "" for name, to in found.items()}
    return {}


def dynamic(pyproject: Table) -> bool:
    """The build backend alone knows the dependencies."""
    names = table(pyproject, "project").get("dynamic")
    return isinstance(names, list) and "dependencies" in names


def project_by_pip(tree: Tree, pyproject: Table) -> Requirements:
    """Dependencies of [project] are a layer of their own; a package is added after it."""
    found = Requirements(files=["pyproject.toml"], reasons=["pyproject.toml: installed by pip"])
    name_dependencies(pyproject, found)
    given = table(pyproject, "project").get("dependencies", [])
    if given:
        found.command = "pip install " + " ".join(shlex.quote(line) for line in given)
    whole = dynamic(pyproject)
    if whole or "build-system" in pyproject:
        found.after_source = ["pip install ." if whole else "pip install --no-deps ."]
        found.packaged = True
        found.reasons.append("pyproject.toml: the project itself is installed as a package")
    return found
