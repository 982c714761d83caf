"""Signs in a program's text that it waits for requests, where nothing else tells a server."""

import re

from deployzero.detection.tree import MAX_SOURCE

_SIGNS = re.compile(
    r"listen|serve|socket|\bbind\b|\bports?\b|_port\b|sinatra|webrick|\brack\b|\broda\b"
    r"|net/http|\bhttp\.|\brun(?:_\w+)?\(",
    re.IGNORECASE,
)
_OTHER_RUNS = re.compile(r"\b(?:subprocess|asyncio|sp|trio)\.run\(")


def listens(text: str) -> bool:
    """Generous: what is taken for a script without a port loses to what is surely none."""
    return bool(_SIGNS.search(_OTHER_RUNS.sub("", text[:MAX_SOURCE])))
