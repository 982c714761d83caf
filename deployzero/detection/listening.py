"""Signs in a program's text that it waits for requests, where nothing else tells a server."""

import re

_SIGNS = re.compile(
    r"listen|serve|socket|\bbind\b|\bports?\b|_port\b|sinatra|webrick|\brack\b|\broda\b"
    r"|net/http|\bhttp\.|\brun(?:_\w+)?\(",
    re.IGNORECASE,
)
_OTHER_RUNS = re.compile(r"\b(?:subprocess|asyncio|sp|trio)\.run\(")
MOST = 256 * 1024
"""Characters that are looked at."""


def listens(text: str) -> bool:
    """Generous: what is taken for a script without a port loses to what is surely none."""
    return bool(_SIGNS.search(_OTHER_RUNS.sub("", text[:MOST])))
