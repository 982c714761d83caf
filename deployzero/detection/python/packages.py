"""Which package manager a Python project uses, when its files speak for several."""

import shlex

from deployzero.detection.python.conda import conda_file, read_conda
from deployzero.detection.python.pdm import read_pdm, uses_pdm
from deployzero.detection.python.pipenv import read_pipenv, uses_pipenv
from deployzero.detection.python.pixi import read_pixi, uses_pixi
from deployzero.detection.python.poetry import read_poetry, uses_poetry
from deployzero.detection.python.pyproject import (
    Table,
    dependencies,
    name_dependencies,
    project_by_pip,
    table,
)
from deployzero.detection.python.requirements import CONVENTIONS, Requirements, read_requirements
from deployzero.detection.python.setup import install_requires, name_all, read_setup, setup_file
from deployzero.detection.python.tools import tool_requirement
from deployzero.detection.python.uv import read_uv, uses_uv
from deployzero.detection.tree import Tree

MANAGERS = (
    (uses_uv, read_uv),
    (uses_poetry, read_poetry),
    (uses_pdm, read_pdm),
    (uses_pipenv, read_pipenv),
)
"""After a requirements.txt, in Railpack's order."""
LOCKS = ("requirements.txt", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "Pipfile")


def read_packages(tree: Tree, pyproject: Table) -> Requirements | None:
    """None when nothing at the root declares Python dependencies.

    requirements.txt wins, unless it is empty and another manager's file is there.
    """
    found = _read(tree, pyproject)
    if found is None:
        return None
    found.tool = tool_requirement(tree, pyproject, found.manager)
    used = found.reasons[0].partition(":")[0]
    ignored = [name for name in LOCKS if tree.is_file(name) and name not in (used, *found.files)]
    if ignored and not (found.manager == "pipenv" and ignored == ["Pipfile"]):
        found.reasons.append(
            f"{', '.join(ignored)}: ignored, {used} comes first; keep the one that you use"
        )
    return found


def _read(tree: Tree, pyproject: Table) -> Requirements | None:
    listed = None
    if tree.is_file("requirements.txt"):
        listed = read_requirements(tree)
        _before_source(tree, pyproject, listed)
    if listed and (listed.command or listed.after_source):
        return listed
    for uses, read in MANAGERS:
        if uses(tree, pyproject):
            return read(tree, pyproject)
    if listed:
        return listed
    if convention := tree.first(*CONVENTIONS):
        return read_requirements(tree, convention)
    if table(pyproject, "project"):
        return project_by_pip(tree, pyproject)
    if package := setup_file(tree):
        return read_setup(tree, package)
    if tree.is_file("setup.cfg"):
        return None
    if conda_file(tree):
        return read_conda(tree)
    return read_pixi(tree) if uses_pixi(tree) else None


def _before_source(tree: Tree, pyproject: Table, found: Requirements) -> None:
    """`-e .` beside other requirements: those are a layer that a changed line keeps."""
    if not found.own_folders:
        return
    steps = []
    if found.names:
        without = " ".join(f"-e {shlex.quote(line)}" for line in found.own_folders)
        steps.append(f"grep -vxF {without} requirements.txt >/tmp/requirements.txt")
    own: list[str] = []
    if found.packaged and table(pyproject, "project"):
        own = [str(each) for each in dependencies(pyproject) if each.url is None]
        name_dependencies(pyproject, found)
    elif found.packaged:
        own = install_requires(tree)
        name_all(own, found)
    if steps or own:
        plain = " ".join(shlex.quote(line) for line in own)
        steps.append(" ".join(["pip install", *(["-r /tmp/requirements.txt"] if steps else []),
                               *([plain] if plain else [])]))  # fmt: skip
        found.files = ["requirements.txt"]
        found.command = " && ".join(steps)
