"""Which Go a tree asks for."""

import re

from packaging.version import Version

from deployzero.detection.go.programs import member_files
from deployzero.detection.tree import Tree

_DIRECTIVE = re.compile(
    r"^(go|toolchain)\s+(?:go)?([0-9]{1,4}(?:\.[0-9]{1,4}){0,2})(?![0-9])\S*\s*(?://.*)?$", re.M
)
PINS = {
    "mise.toml": r"(?m)^[ \t]*(?:go|golang)\s*=\s*[\"'](?:go)?([0-9]{1,4}(?:\.[0-9]{1,4})*)",
    ".mise.toml": r"(?m)^[ \t]*(?:go|golang)\s*=\s*[\"'](?:go)?([0-9]{1,4}(?:\.[0-9]{1,4})*)",
    ".tool-versions": r"(?m)^(?:golang|go)\s+([0-9]{1,4}(?:\.[0-9]{1,4})*)",
    ".go-version": r"^\s*(?:go)?([0-9]{1,4}(?:\.[0-9]{1,4})*)",
    "go.mod": r"(?m)^//\s*\+heroku\s+goVersion\s+(?:go)?([0-9]{1,4}(?:\.[0-9]{1,4})*)",
}
"""Files that pin a version, strongest first; go.mod in the words that Heroku reads."""


def go_version(tree: Tree, reasons: list[str]) -> str | None:
    """A pin, unless go.mod needs a newer one; else the `toolchain` line, else the `go` line."""
    needed, where = _needed(tree)
    for path, pattern in PINS.items():
        match = re.search(pattern, tree.head(path))
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
