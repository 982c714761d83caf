"""Text that is safe to show in a person's terminal, and errors in the push's manner."""

import re
import unicodedata
from collections.abc import Iterable

from deployzero.errors import DeployZeroException

ESCAPES = re.compile(r"\x1b(?:\[[0-9;:?<=>!]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that move the cursor, turn text around or break lines."""
LONGEST_REASON = 200


def printable(text: str | bytes) -> str:
    """One line without escape sequences, control characters and bad UTF-8; tabs stay."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if text.isascii() and text.isprintable():
        return text
    clean = ESCAPES.sub("", text).replace("\r\n", " ").replace("\n", " ")
    return "".join(
        char
        for char in clean
        if char == "\t" or char == "\u200d" or unicodedata.category(char) not in UNSAFE
    ).strip("\n")


def one_line(text: str) -> str:
    """A reason that fits into git's `ng` line."""
    line = " ".join(printable(text).split()) or "failed"
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def error_lines(error: DeployZeroException) -> list[str]:
    """Detail, ` !     message`, then what to do (DESIGN, Apps: push output)."""
    return [*_indented(error.detail), f" !     {printable(error.message)}", *hint_lines(error)]


def hint_lines(error: DeployZeroException) -> list[str]:
    """What to do, alone: for where the message is shown by other means."""
    return _indented(error.hint.splitlines())


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"       {printable(line)}" for line in lines]
