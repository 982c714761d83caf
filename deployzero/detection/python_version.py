"""Which Python a repository asks for: runtime.txt, .python-version, .tool-versions, pyproject."""

import re
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from deployzero.detection.tree import Tree, broken

PREFERRED = ("3.13", "3.11", "3.12", "3.14", "3.10", "3.9", "3.8")
"""In the order in which a range picks one: those of the base images first."""

END_OF_LIFE = {"3.8": "2024-10", "3.9": "2025-10", "3.10": "2026-10"}
"""Last month of security fixes, from the Python developer's guide."""

_VERSION = re.compile(r"^(\d+(?:\.\d+){0,2})(?:\.[*xX])?$")
_SPECIFIER = re.compile(r"^[<>=!~]")
MAX_MINOR = 30
"""A larger one is a slip of the keys, not a Python of years to come."""
MISSPELT = (".python_version", ".pythonversion", "python-version", ".python-version.txt")


def python_version(tree: Tree, pyproject: dict[str, Any]) -> tuple[str | None, list[str]]:
    """The version (plain or partial) and the reasons; the first pin wins, as Heroku's.

    Raises ProjectDetectionError naming file and line when a pin is no version or
    .python-version names several.
    """
    reasons = [
        f"{name}: ignored, the file is called .python-version"
        for name in MISSPELT
        if tree.is_file(name)
    ]
    chosen: str | None = None
    for source, text in _pins(tree):
        if chosen is None:
            chosen = text
            reasons.append(f"{source}: Python {text}")
        elif not (_within(text, chosen) or _within(chosen, text)):
            reasons.append(f"{source}: asks for {text}, which contradicts {chosen}; ignored")
    chosen = _with_range(pyproject, chosen, reasons)
    minor = ".".join((chosen or "").split(".")[:2])
    if minor in END_OF_LIFE:
        reasons.append(f"Python {minor} gets no security fixes since {END_OF_LIFE[minor]}")
    return chosen, reasons


def _pins(tree: Tree) -> list[tuple[str, str]]:
    pins = []
    for number, text in _lines(tree, "runtime.txt"):
        version = text.removeprefix("python-").strip()
        pins.append(("runtime.txt", _checked("runtime.txt", number, version, text)))
        break
    named = _lines(tree, ".python-version")
    if len(named) > 1:
        raise broken(".python-version", named[1][0], "names a second Python version; keep one")
    for number, text in named:
        version = text.removeprefix("python-").removeprefix("cpython-")
        if version not in ("latest", "3", "system"):
            pins.append((".python-version", _checked(".python-version", number, version, text)))
    for _, text in _lines(tree, ".tool-versions"):
        words = text.split()
        if words[0] == "python" and len(words) > 1 and _VERSION.match(words[1]):
            pins.append((".tool-versions", words[1]))
    return pins


def _lines(tree: Tree, path: str) -> list[tuple[int, str]]:
    lines = enumerate((tree.text(path) or "").split("\n"), 1)
    plain = ((number, line.partition("#")[0].strip()) for number, line in lines)
    return [(number, line) for number, line in plain if line]


def _checked(path: str, number: int, version: str, text: str) -> str:
    match = _VERSION.match(version)
    parts = [int(part) for part in match[1].split(".")] if match else [99]
    if match is None or parts[0] not in (2, 3) or parts[1:2] > [MAX_MINOR]:
        wanted = "python-3.13" if path == "runtime.txt" else "3.13"
        raise broken(path, number, f"'{text[:40]}' is no Python version; write {wanted}")
    return match[1]


def _with_range(pyproject: dict[str, Any], chosen: str | None, reasons: list[str]) -> str | None:
    project = pyproject.get("project")
    text = project.get("requires-python") if isinstance(project, dict) else None
    if not isinstance(text, str):
        return chosen
    source = "pyproject.toml requires-python"
    try:
        wanted = SpecifierSet(text if _SPECIFIER.match(text.strip()) else f"=={text.strip()}.*")
    except InvalidSpecifier as error:
        raise broken("pyproject.toml", None, f"has a bad requires-python '{text[:40]}'") from error
    if chosen is not None:
        if not (wanted.contains(chosen) or wanted.contains(_newest(chosen))):
            reasons.append(f"{source}: '{text}' contradicts Python {chosen}; ignored")
        return chosen
    exact = re.match(r"^===?\s*(\d+\.\d+\.\d+)$", text.strip())
    fitting = exact[1] if exact else next((v for v in PREFERRED if _allows(wanted, v)), None)
    if fitting:
        reasons.append(f"{source}: '{text}', so Python {fitting}")
    else:
        reasons.append(f"{source}: '{text}' fits no Python that is known here; the default runs")
    return fitting


def _allows(wanted: SpecifierSet, minor: str) -> bool:
    return wanted.contains(_newest(minor))


def _newest(partial: str) -> str:
    """The newest release that a partial version can mean."""
    parts = partial.split(".")
    return partial if len(parts) > 2 else ".".join((*parts, *["99"] * (3 - len(parts))))


def _within(version: str, partial: str) -> bool:
    return f"{version}.".startswith(f"{partial}.")
