"""Which Go a tree asks for."""

import re
from collections.abc import Iterator

from packaging.version import Version

from deployzero.detection.go.programs import member_files
from deployzero.detection.tools import tool_pins
from deployzero.detection.tree import Tree

_DIRECTIVE = re.compile(
    r"^(go|toolchain)\s+(?:go)?([0-9]{1,4}(?:\.[0-9]{1,4}){0,2})(?![0-9])\S*\s*(?://.*)?$", re.M
)
_VERSION = re.compile(r"\s*(?:go)?([0-9]{1,4}(?:\.[0-9]{1,4})*)")
_HEROKU = re.compile(r"^//\s*\+heroku\s+goVersion\s+(\S+)", re.M)


def go_version(tree: Tree, reasons: list[str]) -> str | None:
    """A pin, unless go.mod needs a newer one; else the `toolchain` line, else the `go` line."""
    needed, where = _needed(tree)
    for path, text in _pins(tree):
        match = _VERSION.match(text)
        if match is None:
            continue
        if needed and Version(needed) > Version(match[1]) and not needed.startswith(f"{match[1]}."):
            reasons.append(f"{path}: Go {match[1]} is too old for {where}")
            break
        reasons.append(f"{path}: Go {match[1]}")
        return match[1]
    if needed:
        reasons.append(where)
    return needed


def _pins(tree: Tree) -> Iterator[tuple[str, str]]:
    """(file, version), strongest first; go.mod in the words that Heroku reads."""
    yield from tool_pins(tree, "go", "golang")
    yield ".go-version", tree.head(".go-version")
    if asked := _HEROKU.search(tree.head("go.mod")):
        yield "go.mod", asked[1]


def _needed(tree: Tree) -> tuple[str | None, str]:
    """The newest that a module or the workspace asks for, and in which words."""
    found: list[tuple[Version, str, str]] = []
    for path in ("go.mod", *(p for p in member_files(tree) if p.endswith((".mod", ".work")))):
        lines: dict[str, str] = dict(_DIRECTIVE.findall(tree.text(path) or ""))
        for directive in ("toolchain", "go"):
            if version := lines.get(directive):
                found.append((Version(version), version, f"{path}: {directive} {version}"))
                break
    if not found:
        return None, ""
    newest = max(found, key=lambda each: each[0])
    return newest[1], newest[2]
