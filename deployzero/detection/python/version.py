"""Which Python a repository asks for.

The first of these wins: runtime.txt, .python-version (Heroku's order), mise.toml,
.tool-versions, Pipfile.lock and Pipfile, environment.yml; then the ranges of
requires-python and Poetry's `python`, of which the newest that the base images have is taken.
"""

import re
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from deployzero.detection.python.conda import conda_python
from deployzero.detection.python.pyproject import Table, table
from deployzero.detection.python.tools import certain_pins
from deployzero.detection.tree import Tree, broken

PREFERRED = ("3.13", "3.11", "3.12", "3.14", "3.10", "3.9", "3.8")
"""In the order in which a range picks one: those of the base images first."""

END_OF_LIFE = {
    "2.7": "2020-01", "3.5": "2020-09", "3.6": "2021-12", "3.7": "2023-06",
    "3.8": "2024-10", "3.9": "2025-10", "3.10": "2026-10",
}  # fmt: skip
"""Last month of security fixes, from the Python developer's guide."""

_VERSION = re.compile(r"^([0-9]{1,6}(?:\.[0-9]{1,6}){0,2})(?:\.[*xX])?t?(?:-dev)?$")
_SPECIFIER = re.compile(r"^[<>=!~]")
MAX_MINOR = 30
"""A larger one is a slip of the keys, not a Python of years to come."""
_MISSPELT = re.compile(r"^[\s.,']*python[-_. ]?version[\s.']*(\.(txt|py|rtf))?$", re.IGNORECASE)
ANY = ("latest", "3", "system", "*")


def python_version(tree: Tree, pyproject: Table) -> tuple[str | None, list[str]]:
    """The version (plain or partial) and the reasons; the first pin wins.

    Raises ProjectDetectionError naming file and line when a pin is no version or
    .python-version names several.
    """
    reasons = [
        f"{name}: ignored, the file is called .python-version"
        for name in tree.names
        if name != ".python-version" and _MISSPELT.match(name)
    ]
    if tree.is_file(".python-version") and not _lines(tree, ".python-version"):
        reasons.append(".python-version: names no version, ignored")
    chosen: str | None = None
    for source, text in _pins(tree):
        if chosen is None:
            chosen = text
            reasons.append(f"{source}: Python {text}")
        elif not (_within(text, chosen) or _within(chosen, text)):
            reasons.append(f"{source}: asks for {text}, which contradicts {chosen}; ignored")
    for source, given in _ranges(tree, pyproject):
        chosen = _with_range(source, given, chosen, reasons)
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
        version = _plain(text)
        if version not in ANY and not _SPECIFIER.match(version):
            pins.append((".python-version", _checked(".python-version", number, version, text)))
    for path, version in (*certain_pins(tree, "python"), *_pipfile(tree)):
        if match := _VERSION.match(version):
            pins.append((path, match[1]))
    if (conda := conda_python(tree)) and _VERSION.match(conda[1]):
        pins.append(conda)
    return [(path, version) for path, version in pins if version not in ANY]


def _plain(text: str) -> str:
    """'cpython-3.12.1-linux-x86_64-gnu' -> '3.12.1', as uv and pyenv write it."""
    match = re.match(r"^c?python[-@]([\d.*]+)(?:-.*)?$", text)
    return match[1] if match else text


def _pipfile(tree: Tree) -> list[tuple[str, str]]:
    lock = table((tree.json("Pipfile.lock", lock=True) or {}), "_meta", "requires")
    given = table((tree.toml("Pipfile") or {}), "requires")
    found = []
    for source, requires in (("Pipfile.lock", lock), ("Pipfile", given)):
        version = requires.get("python_full_version") or requires.get("python_version")
        if isinstance(version, str) and version.strip():
            found.append((source, version))
    return found


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


def _ranges(tree: Tree, pyproject: Table) -> list[tuple[str, Any]]:
    given = [
        (".python-version", text)
        for _, text in _lines(tree, ".python-version")[:1]
        if _SPECIFIER.match(text)
    ]
    return [
        *given,
        *((path, text) for path, text in _pipfile(tree) if not _VERSION.match(text)),
        ("pyproject.toml requires-python", table(pyproject, "project").get("requires-python")),
        (
            "pyproject.toml tool.poetry.dependencies.python",
            table(pyproject, "tool", "poetry", "dependencies").get("python"),
        ),
    ]


def _with_range(source: str, text: Any, chosen: str | None, reasons: list[str]) -> str | None:
    if not isinstance(text, str) or text.strip() in ANY or len(text) > 200:
        return chosen
    try:
        wanted = [SpecifierSet(_pep440(part)) for part in re.split(r"\|\|?", text)]
    except InvalidSpecifier as error:
        path, _, key = source.partition(" ")
        raise broken(path, None, f"has a bad {key or 'version'} '{text[:40]}'") from error
    if chosen is not None:
        if not any(w.contains(chosen) or w.contains(_newest(chosen)) for w in wanted):
            reasons.append(f"{source}: '{text}' contradicts Python {chosen}; ignored")
        return chosen
    exact = re.match(r"^={0,3}\s*(\d+\.\d+\.\d+)$", text.strip())
    fitting = exact[1] if exact else next((v for v in PREFERRED if _allowed(wanted, v)), None)
    if fitting:
        reasons.append(f"{source}: '{text}', so Python {fitting}")
    else:
        reasons.append(f"{source}: '{text}' fits no Python that is known here; the default runs")
    return fitting


def _pep440(text: str) -> str:
    """Poetry's '^3.10', '~3.11', '3.12' and '>=3.9 <4' as Python's own specifiers."""
    parts = re.split(r"\s*,\s*|\s+(?=[<>=!~^])", text.strip())
    return ",".join(_part(part.strip()) for part in parts if part)


def _part(part: str) -> str:
    if caret := re.match(r"^\^\s*(\d+)((?:\.\d+)*)$", part):
        return f">={caret[1]}{caret[2]},<{int(caret[1]) + 1}"
    if tilde := re.match(r"^~\s*(\d+)\.(\d+)((?:\.\d+)*)$", part):
        return f">={tilde[1]}.{tilde[2]}{tilde[3]},<{tilde[1]}.{int(tilde[2]) + 1}"
    if _SPECIFIER.match(part):
        return part
    return f"=={part}" if part.endswith(".*") or part.count(".") > 1 else f"=={part}.*"


def _allowed(wanted: list[SpecifierSet], minor: str) -> bool:
    return any(each.contains(_newest(minor)) for each in wanted)


def _newest(partial: str) -> str:
    """The newest release that a partial version can mean."""
    parts = partial.split(".")
    return partial if len(parts) > 2 else ".".join((*parts, *["99"] * (3 - len(parts))))


def _within(version: str, partial: str) -> bool:
    return f"{version}.".startswith(f"{partial}.")
