"""Which package manager a Python project uses, when its files speak for several."""

from deployzero.detection.pyproject import Table, project_by_pip, table
from deployzero.detection.python_conda import conda_file, read_conda
from deployzero.detection.python_pdm import read_pdm, uses_pdm
from deployzero.detection.python_pipenv import read_pipenv, uses_pipenv
from deployzero.detection.python_poetry import read_poetry, uses_poetry
from deployzero.detection.python_tools import tool_requirement
from deployzero.detection.python_uv import read_uv, uses_uv
from deployzero.detection.requirements import CONVENTIONS, Requirements, read_requirements
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
    listed = read_requirements(tree) if tree.is_file("requirements.txt") else None
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
    if package := tree.first("setup.py", "setup.cfg"):
        if package == "setup.cfg" and "[metadata]" not in (tree.text("setup.cfg") or ""):
            return None  # settings of linters alone
        return Requirements(
            after_source=["pip install ."],
            packaged=True,
            reasons=[f"{package}: pip install . after the source is there"],
        )
    return read_conda(tree) if conda_file(tree) else None
