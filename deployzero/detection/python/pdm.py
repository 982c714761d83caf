"""PDM: pdm.lock."""

from deployzero.detection.python.lock import locked_names
from deployzero.detection.python.pyproject import (
    Table,
    dependencies,
    dynamic,
    name_dependencies,
    table,
)
from deployzero.detection.python.requirements import Requirements
from deployzero.detection.tree import Tree

SYNC = "pdm sync --prod"


def uses_pdm(tree: Tree, pyproject: Table) -> bool:
    return bool(pyproject) and tree.is_file("pdm.lock")


def read_pdm(tree: Tree, pyproject: Table) -> Requirements:
    """`lock --check` stops the build where pdm.lock is older than pyproject.toml."""
    found = Requirements(
        manager="pdm",
        files=["pyproject.toml", "pdm.lock"],
        locked=locked_names(tree, "pdm.lock"),
        reasons=["pdm.lock: installed by PDM"],
    )
    name_dependencies(pyproject, found)
    given = table(pyproject, "tool", "pdm").get("distribution")
    found.packaged = given if isinstance(given, bool) else "build-system" in pyproject
    local = any("file://" in (each.url or "") for each in dependencies(pyproject))
    if local or dynamic(pyproject):
        found.files = []
        found.after_source = [f"pdm lock --check && {SYNC}"]
        return found
    found.command = f"pdm lock --check && {SYNC} --no-self"
    if found.packaged:
        found.after_source = [SYNC]
    return found
