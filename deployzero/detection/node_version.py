"""Which Node.js a repository asks for: .nvmrc, .node-version, .tool-versions, engines."""

import re
from typing import Any

from semantic_version import NpmSpec, Version  # type: ignore[import-untyped]

from deployzero.detection.tree import Tree

PREFERRED = (20, 22, 24, 26, 18, 16, 14, 12, 10)
"""Majors in the order in which a range picks one: the base image's own first, then LTS."""

CODENAMES = {
    "dubnium": "10",
    "erbium": "12",
    "fermium": "14",
    "gallium": "16",
    "hydrogen": "18",
    "iron": "20",
    "jod": "22",
    "krypton": "24",
}
_PLAIN = re.compile(r"^[v=]*(\d+(?:\.\d+){0,2})(?:\.[xX*])*$")
_LARGE = 99999


def node_version(tree: Tree, package: dict[str, Any]) -> tuple[str | None, list[str]]:
    """The version (plain or partial) and the reasons; the first pin wins, as Railpack's."""
    pins = _pins(tree, package)
    reasons: list[str] = []
    chosen: str | None = None
    for source, text in pins:
        version = plain_version(text)
        if version is None:
            reasons.append(f"{source}: '{text[:40]}' names no certain version, so the default runs")
        elif chosen is None:
            chosen = version
            as_text = "" if version == text.lstrip("v") else f" (from '{text}')"
            reasons.append(f"{source}: Node.js {version}{as_text}")
        elif not _agrees(chosen, text):
            reasons.append(f"{source}: asks for '{text}', which contradicts {chosen}; ignored")
    return chosen, reasons


def plain_version(text: str) -> str | None:
    """'18.x.x' -> '18', '>=18 <21' -> '20', '~22.3' -> '22.3', 'lts/iron' -> '20'."""
    text = text.strip()
    if text.lower().startswith("lts/"):
        return CODENAMES.get(text[4:].lower())
    if match := _PLAIN.match(text):
        return match[1]
    spec = _spec(text)
    if spec is None or spec.match(Version("0.0.1")):
        return None
    candidates = [str(major) for major in PREFERRED]
    numbers = sorted(set(re.findall(r"\d+(?:\.\d+)*", text)), key=len)
    candidates += [n for n in numbers if n.count(".") < 3]
    for candidate in candidates:
        if spec.match(_newest(candidate)):
            return candidate
    return None


def _pins(tree: Tree, package: dict[str, Any]) -> list[tuple[str, str]]:
    pins = []
    for name in (".nvmrc", ".node-version"):
        lines = (line.partition("#")[0].strip() for line in (tree.text(name) or "").split("\n"))
        if first := next(filter(None, lines), None):
            pins.append((name, first))
    for line in (tree.text(".tool-versions") or "").split("\n"):
        words = line.partition("#")[0].split()
        if len(words) > 1 and words[0] in ("node", "nodejs"):
            pins.append((".tool-versions", words[1]))
    engines = package.get("engines")
    wanted = engines.get("node") if isinstance(engines, dict) else None
    if isinstance(wanted, str) and wanted.strip():
        pins.append(("package.json engines", wanted.strip()))
    return pins


def _agrees(chosen: str, text: str) -> bool:
    spec = _spec(text)
    if spec is None:
        return True
    return bool(spec.match(_newest(chosen)) or spec.match(Version.coerce(chosen)))


def _newest(partial: str) -> Version:
    """The newest release that a partial version can mean."""
    parts = [int(p) for p in partial.split(".")]
    return Version("{}.{}.{}".format(*parts, *[_LARGE] * (3 - len(parts))))


def _spec(text: str) -> NpmSpec | None:
    """npm also writes 'v20', '>= 18'; semantic-version wants '20', '>=18'."""
    cleaned = re.sub(r"([<>=~^])\s+", r"\1", re.sub(r"\bv(?=\d)", "", text))
    try:
        return NpmSpec(cleaned)
    except ValueError:
        return None
