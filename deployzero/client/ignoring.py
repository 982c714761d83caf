"""Patterns of .gitignore, read as git reads them (gitignore(5) and git's wildmatch.c).

git matches bytes: texts here are Latin-1's, a character a byte. A pattern is asked about one
entry of a tree, walked from the top: what is below a folder that is ignored is never looked at,
so that nothing can bring it back, as in git.
"""

import codecs
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

WILDCARDS = frozenset("*?[\\")
CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "\\x21-\\x7e",
    "lower": "a-z",
    "print": "\\x20-\\x7e",
    "punct": "\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e",
    "space": "\\t-\\r ",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class _NeverMatchesError(ValueError):
    """A pattern that git takes and matches with nothing: a bracket that does not end, say."""


@dataclass(frozen=True, slots=True)
class Pattern:
    regex: str
    negated: bool
    folders_only: bool
    by_name: bool
    """Matched with the last part of the path alone."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Patterns next to each other that say the same."""

    ignores: bool
    files: tuple[re.Pattern[str] | None, re.Pattern[str] | None]
    """One for names, one for paths."""
    folders: tuple[re.Pattern[str] | None, re.Pattern[str] | None]


class Patterns:
    """Of one file: the last one that matches counts."""

    def __init__(self, lines: Iterable[str]) -> None:
        groups: list[list[Pattern]] = []
        for found in filter(None, map(parse, lines)):
            if groups and groups[-1][0].negated == found.negated:
                groups[-1].append(found)
            else:
                groups.append([found])
        self._groups = [_joined(group) for group in reversed(groups)]

    def ignores(self, path: str, is_folder: bool) -> bool | None:
        """path: relative to the file's folder. None: no pattern matches."""
        if not path.isascii():
            path = os.fsencode(path).decode("latin-1")
        name = path.rpartition("/")[2]
        for group in self._groups:
            by_name, by_path = group.folders if is_folder else group.files
            if (by_name and by_name.fullmatch(name)) or (by_path and by_path.fullmatch(path)):
                return group.ignores
        return None


def read(data: bytes) -> Patterns:
    """What a .gitignore holds."""
    text = data.removeprefix(codecs.BOM_UTF8).decode("latin-1")
    return Patterns(line.removesuffix("\r") for line in text.split("\n"))


def parse(line: str) -> Pattern | None:
    """None: a comment, or what matches nothing."""
    if line.startswith("#"):
        return None
    text = _without_trailing_blanks(line)
    negated = text.startswith("!")
    text = text[negated:]
    folders_only = text.endswith("/")
    text = text[: len(text) - folders_only]
    by_name = "/" not in text
    text = text.removeprefix("/")
    if not text:
        return None
    try:
        return Pattern(_regex(text, by_name), negated, folders_only, by_name)
    except _NeverMatchesError:
        return None


def _joined(group: list[Pattern]) -> _Group:
    def one(by_name: bool, is_folder: bool) -> re.Pattern[str] | None:
        found = [
            each.regex
            for each in group
            if each.by_name == by_name and (is_folder or not each.folders_only)
        ]
        return re.compile("|".join(found), re.DOTALL) if found else None

    return _Group(
        ignores=not group[0].negated,
        files=(one(True, False), one(False, False)),
        folders=(one(True, True), one(False, True)),
    )


def _without_trailing_blanks(line: str) -> str:
    """`\\ ` at the end is a blank that counts."""
    bare = line.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 and len(bare) < len(line) else bare


def _regex(text: str, by_name: bool) -> str:
    made, at = [], 0
    while at < len(text):
        part, at = _part(text, at, by_name)
        made.append(part)
    return "".join(made)


def _part(text: str, at: int, by_name: bool) -> tuple[str, int]:
    """The regular expression of what stands there, and where the next begins."""
    char = text[at]
    if char == "*":
        return _stars(text, at, by_name)
    if char == "?":
        return "[^/]", at + 1
    if char == "[":
        return _bracket(text, at + 1)
    if char == "\\":
        at += 1
        if at == len(text):
            raise _NeverMatchesError
    return re.escape(text[at]), at + 1


def _stars(text: str, at: int, by_name: bool) -> tuple[str, int]:
    end = at
    while end < len(text) and text[end] == "*":
        end += 1
    # git compares what comes before the first wildcard by itself: `a**/b` is `**/b` after an a.
    alone = (text[at - 1 : at] in ("", "/") or not WILDCARDS.intersection(text[:at])) and (
        end == len(text) or text.startswith(("/", "\\/"), end)
    )
    if end - at < 2 or not alone or by_name:
        return "[^/]*", end
    if end == len(text):
        return ".*", end
    if text[end] == "/":
        return "(?:.*/)?", end + 1
    return ".*", end


def _bracket(text: str, at: int) -> tuple[str, int]:
    negated = text[at : at + 1] in ("!", "^")
    at += negated
    items, first = [], True
    while True:
        if at >= len(text):
            raise _NeverMatchesError
        if text[at] == "]" and not first:
            break
        item, at = _item(text, at)
        items.append(item)
        first = False
    inside = "".join(items)
    if negated:
        return f"[^/{inside}]", at + 1
    return f"(?!/)[{inside}]" if inside else "(?!)", at + 1


def _item(text: str, at: int) -> tuple[str, int]:
    """A character, a range or a class within brackets."""
    if text.startswith("[:", at) and (end := text.find("]", at + 2)) > 0:
        if text[end - 1] == ":" and end - 1 >= at + 2:
            if text[at + 2 : end - 1] not in CLASSES:
                raise _NeverMatchesError
            return CLASSES[text[at + 2 : end - 1]], end + 1
        return re.escape("["), at + 1
    low, at = _character(text, at)
    if text.startswith("-", at) and at + 1 < len(text) and text[at + 1] != "]":
        high, at = _character(text, at + 1)
        return re.escape(low) + (f"{re.escape(low)}-{re.escape(high)}" if low <= high else ""), at
    return re.escape(low), at


def _character(text: str, at: int) -> tuple[str, int]:
    if text[at] == "\\":
        at += 1
    if at >= len(text):
        raise _NeverMatchesError
    return text[at], at + 1
