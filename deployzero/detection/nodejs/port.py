"""The port that a Node.js app listens on, by what its entry file says."""

import re
from collections.abc import Iterator

from deployzero.detection.nodejs.command import Start
from deployzero.detection.nodejs.manifest import Package
from deployzero.detection.nodejs.start import sources
from deployzero.models.project import DEFAULT_PORT

_LISTENS = re.compile(r"\.listen\(\s*(?:\{\s*port\s*:\s*)?(\d{2,5})\b")
_CONSTANT = re.compile(r"\b(?:const|let|var)\s+port\s*=\s*(\d{2,5})\s*(?:;\s*)?$", re.I | re.M)
_ENVIRONMENT = re.compile(r"\benv\b", re.I)
_ENDS_IN_PORT, _PORT_ITSELF = re.compile(r"port\b", re.I), re.compile(r"\bport\b", re.I)
_LOWER_CASE = re.compile(r"\bprocess\.env(?:\.port\b|\[['\"]port['\"]\])")
"""Windows, where the two are one, does not tell the author."""


def port(app: Package, start: Start, reasons: list[str]) -> tuple[int, dict[str, str]]:
    """The port, and the variables that tell it in another way than PORT."""
    path = next(filter(app.tree.is_file, _entry_sources(app, start)), None)
    text = app.tree.source(path) if path else ""
    if _LOWER_CASE.search(text) and "process.env.PORT" not in text:
        reasons.append(f"{path}: reads 'port' where PORT is meant, so that is set as well")
        return DEFAULT_PORT, {"port": str(DEFAULT_PORT)}
    fixed = _fixed_port(text)
    if fixed is None:
        return DEFAULT_PORT, {}
    reasons.append(f"{path}: listens on {fixed} whatever PORT says, so PORT is {fixed}")
    return fixed, {}


def _entry_sources(app: Package, start: Start) -> Iterator[str]:
    word = re.search(r"(?:^|\s)([\w./-]+\.[cm]?[jt]s)$", start.command or "")
    yield from sources(app, word[1]) if word else ()
    yield from (start.source,) if start.source else ()


def _fixed_port(text: str) -> int | None:
    """The port that the entry file names, where it does not look at PORT at all."""
    if any(map(_looks_up_port, text.split("\n"))):
        return None
    found = _LISTENS.search(text) or (".listen(" in text and _CONSTANT.search(text)) or None
    return int(found[1]) if found and 0 < int(found[1]) < 65536 else None


def _looks_up_port(line: str) -> bool:
    """'port' and 'env' on one line, which may be all of a minified program."""
    found = list(_ENVIRONMENT.finditer(line))
    if not found:
        return False
    after = _ENDS_IN_PORT.search(line, found[0].end())
    return bool(after or _PORT_ITSELF.search(line, 0, found[-1].start()))
