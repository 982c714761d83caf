"""Versions of tools that a repository pins: .tool-versions, mise.toml, pyproject.toml."""

import re

from deployzero.detection.python.pyproject import Table, table
from deployzero.detection.tree import Tree

MISE = ("mise.toml", ".mise.toml", "mise/config.toml", ".config/mise.toml")
PACKAGES = {"pdm": "pdm[locked]"}
"""As pip asks for them: with the libraries that PDM was tried with, not the newest."""
_EXACT = re.compile(r"^\d+(\.\d+){0,3}$")
_RANGE = re.compile(r"^[<>=!~]=?\s*\d+(\.\d+)*(\s*,\s*[<>=!~]=?\s*\d+(\.\d+)*)*$")


def tool_pins(tree: Tree, name: str) -> list[tuple[str, str]]:
    """(file, version) of a tool, as mise reads them; 'latest' is no pin."""
    found: list[tuple[str, str]] = []
    for path in MISE:
        tools = table(tree.toml(path) or {}, "tools") if tree.is_file(path) else {}
        given = tools.get(name)
        given = given[0] if isinstance(given, list) and given else given
        given = given.get("version") if isinstance(given, dict) else given
        if given is not None:
            found.append((path, str(given)))
    for line in (tree.text(".tool-versions") or "").split("\n"):
        words = line.partition("#")[0].split()
        if len(words) > 1 and words[0] == name:
            found.append((".tool-versions", words[1]))
    return [(path, version) for path, version in found if version not in ("latest", "system")]


def tool_requirement(tree: Tree, pyproject: Table, manager: str | None) -> str | None:
    """What pip installs to have the manager: 'uv', 'poetry==1.8.2', 'uv>=0.5'."""
    if manager in (None, "pip", "conda"):
        return None
    name = PACKAGES.get(manager or "", manager or "")
    for _, version in tool_pins(tree, manager or ""):
        if _EXACT.match(version):
            return f"{name}=={version}" + ("" if version.count(".") > 1 else ".*")
    asked = {
        "uv": table(pyproject, "tool", "uv").get("required-version"),
        "poetry": table(pyproject, "tool", "poetry").get("requires-poetry"),
    }.get(manager or "")
    if isinstance(asked, str) and _RANGE.match(asked.strip()):
        return f"{name}{asked.replace(' ', '')}"
    return name
