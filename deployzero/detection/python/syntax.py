"""Python's source as a syntax tree, where it has one that is worth the time."""

import ast
from collections.abc import Iterable, Iterator

MAX_SOURCE = 200_000
"""Characters; longer files are not parsed."""
MAX_PARSED = 600_000
"""Characters of all files that one question is asked of: parsing them takes seconds."""


def parsed(text: str) -> ast.Module | None:
    """None for what cannot be parsed: it may be for another Python."""
    if len(text) > MAX_SOURCE:
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def all_parsed(texts: Iterable[str]) -> Iterator[ast.Module]:
    """Those that can be parsed, as long as they are not too many."""
    left = MAX_PARSED
    for text in texts:
        left -= len(text)
        if left < 0:
            return
        if module := parsed(text):
            yield module
