"""Which Node.js a repository asks for: mise.toml, .nvmrc and the like, volta, engines."""

import re
from collections.abc import Iterator

from semantic_version import NpmSpec, Version

from deployzero.detection.nodejs.manifest import Package
from deployzero.detection.tools import tool_pins
from deployzero.errors import ProjectDetectionError

PREFERRED = (20, 22, 24, 26, 18, 16, 14, 12, 10, 8, 6, 4)
"""Majors in the order in which a range picks one: the base image's own first, then LTS."""
LATEST, LTS = "26", "24"
OLDEST = 4
"""Before it no npm runs that understands today's packages."""

CODENAMES = {
    "argon": "4",
    "boron": "6",
    "carbon": "8",
    "dubnium": "10",
    "erbium": "12",
    "fermium": "14",
    "gallium": "16",
    "hydrogen": "18",
    "iron": "20",
    "jod": "22",
    "krypton": "24",
}
_NAMES = {"lts": LTS, "lts/*": LTS, "latest": LATEST, "node": LATEST, "stable": LATEST}
_PLAIN = re.compile(r"^[v=]*([0-9]{1,6}(?:\.[0-9]{1,6}){0,2})(?:\.[xX*])*$")
_LARGE = 99999
LONGEST = 200
"""Characters of a range of versions; more is none."""


def node_version(
    package: Package, least: int = 0, manager: str = ""
) -> tuple[str | None, list[str]]:
    """The version (plain or partial) and the reasons; the first pin wins, as Railpack's.

    least: the major that the entry file or the manager needs; an exact pin goes before it.
    Raises ProjectDetectionError for a version that Node.js never had.
    """
    reasons: list[str] = []
    chosen: str | None = None
    for source, text in _pins(package):
        version = plain_version(text, least)
        if version is None:
            reasons.append(f"{source}: '{text[:40]}' names no certain version, so the default runs")
        elif chosen is None:
            _check(source, text, version)
            chosen = version
            as_text = "" if version == text.lstrip("v") else f" (from '{text[:40]}')"
            reasons.append(f"{source}: Node.js {version}{as_text}")
        elif not _agrees(chosen, text):
            reasons.append(f"{source}: asks for '{text[:40]}', which contradicts {chosen}; ignored")
    if chosen is None and least:
        chosen = str(least)
        reasons.append(f"Node.js {chosen}: {manager} or the entry file needs it")
    return chosen, reasons


def plain_version(text: str, least: int = 0) -> str | None:
    """'18.x.x' -> '18', '>=18 <21' -> '20', '~22.3' -> '22.3', 'lts/iron' -> '20'."""
    text = text.strip()
    if name := text.lower().removeprefix("node@"):
        if name in _NAMES:
            return _NAMES[name]
        if name.removeprefix("lts/").removeprefix("lts-") in CODENAMES:
            return CODENAMES[name.removeprefix("lts/").removeprefix("lts-")]
    if match := _PLAIN.match(text):
        return match[1]
    spec = npm_range(text)
    if spec is None or (not least and spec.match(Version("0.0.1"))):
        return None
    candidates = [str(major) for major in PREFERRED if major >= least]
    numbers = sorted(set(re.findall(r"[0-9]{1,6}(?:\.[0-9]{1,6})*", text)), key=len)
    candidates += [n for n in numbers if n.count(".") < 3]
    for candidate in candidates:
        if spec.match(_newest(candidate)):
            return candidate
    return None


def _pins(package: Package) -> Iterator[tuple[str, str]]:
    tree = package.tree
    yield from tool_pins(tree, "node", "nodejs")
    for name in (".nvmrc", ".node-version"):
        lines = (line.partition("#")[0].strip() for line in (tree.text(name) or "").split("\n"))
        if first := next(filter(None, lines), None):
            yield name, first
    yield from (pin for pin in package.pins("node", "runtime") if pin[1])


def _check(source: str, text: str, version: str) -> None:
    major = int(version.partition(".")[0])
    if not OLDEST <= major < 100:
        raise ProjectDetectionError(
            f"{source}: '{text[:40]}' asks for Node.js {version}, which cannot be had",
            f"Ask for one from {OLDEST} to {LATEST}, such as {LTS}.",
        )


def _agrees(chosen: str, text: str) -> bool:
    spec = npm_range(text)
    if spec is None:
        return True
    return bool(spec.match(_newest(chosen)) or spec.match(Version.coerce(chosen)))


def _newest(partial: str) -> Version:
    """The newest release that a partial version can mean."""
    parts = [int(p) for p in partial.split(".")]
    return Version("{}.{}.{}".format(*parts, *[_LARGE] * (3 - len(parts))))


def npm_range(text: str) -> NpmSpec | None:
    """None for what is no range; npm also writes 'v20', '>= 18' for '20', '>=18'."""
    if len(text) > LONGEST:
        return None
    cleaned = re.sub(r"([<>=~^])\s+", r"\1", re.sub(r"\bv(?=\d)", "", text))
    try:
        return NpmSpec(cleaned)
    except ValueError:
        return None
