"""Python's source as a syntax tree, where it has one that is worth the time."""

import ast
import re
from collections.abc import Iterable, Iterator

from deployzero.detection.tree import conflicting

MAX_SOURCE = 200_000
"""Characters; longer files are not parsed."""
MAX_PARSED = 600_000
"""Characters of all files that one question is asked of: parsing them takes seconds."""

NEWER = ("f-string", "multiple exception types must be parenthesized")
"""What an older Python says of lines that newer ones read."""
_NEWER = re.compile(r"""type \w+.*=|(?:async )?def \w+\[|class \w+\[|.*\b[tT][rR]?["']""")


def parsed(text: str) -> ast.Module | None:
    """None for what cannot be parsed: it may be for another Python."""
    if len(text) > MAX_SOURCE:
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def flaw(text: str) -> tuple[int, str] | None:
    """(line, what is wrong there); None where it parses, or a newer Python may well read it."""
    if len(text) > MAX_SOURCE:
        return None
    try:
        ast.parse(text)
    except SyntaxError as error:
        line = (error.text or "").lstrip()
        if error.lineno is None or error.msg.startswith(NEWER) or _NEWER.match(line):
            return None
        conflict = "an unresolved merge conflict" if conflicting(line) else None
        return error.lineno, conflict or error.msg[:200]
    except (ValueError, RecursionError, MemoryError):
        return None
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
