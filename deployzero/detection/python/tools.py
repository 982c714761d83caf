"""Which version of Python's own tools a repository asks for."""

import re

from deployzero.detection.python.pyproject import Table, table
from deployzero.detection.tools import tool_pins
from deployzero.detection.tree import Tree

PACKAGES = {"pdm": "pdm[locked]"}
"""As pip asks for them: with the libraries that PDM was tried with, not the newest."""
_EXACT = re.compile(r"^\d+(\.\d+){0,3}$")
_RANGE = re.compile(r"^[<>=!~]=?\s*\d+(\.\d+)*(\s*,\s*[<>=!~]=?\s*\d+(\.\d+)*)*$")


def certain_pins(tree: Tree, name: str) -> list[tuple[str, str]]:
    """(file, version) of a tool; 'latest' is no pin."""
    return [pin for pin in tool_pins(tree, name) if pin[1] not in ("latest", "system")]


def tool_requirement(tree: Tree, pyproject: Table, manager: str | None) -> str | None:
    """What pip installs to have the manager: 'uv', 'poetry==1.8.2', 'uv>=0.5'."""
    if manager is None or manager in ("pip", "conda", "pixi"):
        return None
    name = PACKAGES.get(manager, manager)
    for _, version in certain_pins(tree, manager):
        if _EXACT.match(version):
            return f"{name}=={version}" + ("" if version.count(".") > 1 else ".*")
    asked = {
        "uv": table(pyproject, "tool", "uv").get("required-version"),
        "poetry": table(pyproject, "tool", "poetry").get("requires-poetry"),
    }.get(manager)
    if isinstance(asked, str) and _RANGE.match(asked.strip()):
        return f"{name}{asked.replace(' ', '')}"
    return name
