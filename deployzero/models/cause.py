"""Known ways to fail: how a program's own last words tell them, and what to do then.

The tables are data: of builds in build/causes/, of running apps in runtime/causes/. A cause
only ever adds to what the program said; what no pattern fits stays unknown, and is not guessed.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import re2

MOST_CHARACTERS = 64 * 1024
"""Of a program's output, from its end."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What failed: a step of a build, or a process."""

    app: str = "APP"
    stack: str = ""
    """`ProjectConfig.type`."""
    command: str = ""
    code: int | None = None
    """Its exit code, where it has ended by itself."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One known way to fail.

    `pattern` (and `command`, `lacks`) are RE2's: they take time linear in the output. `^` and
    `$` are the ends of a line. The named groups of `pattern` and `command` stand in `message`
    and `hint` as {name}; so does {app}. A message is the rest of "the app exited with code 1: …".
    """

    pattern: str
    message: str
    hint: str
    stacks: tuple[str, ...] = ()
    """Only these; none named: any."""
    command: str = ""
    """In the command as well."""
    codes: tuple[int, ...] = ()
    """Exit codes with which it can happen; none named: any."""
    lacks: str = ""
    """Not in the output."""
    names: Mapping[str, str] = field(default_factory=dict)
    """A table in which the group {name} must be found; what stands there is {known}."""
    known: str = ""
    """{known}, where no table is needed. {packages} says how Debian packages so named get in."""


@dataclass(frozen=True, slots=True)
class Known:
    """A cause that was found, in words."""

    message: str
    hint: str


def known_cause(causes: Iterable[Cause], lines: Iterable[str], subject: Subject) -> Known | None:
    """The first of these causes that the output fits: tables go from special to general."""
    text = "\n".join(lines)[-MOST_CHARACTERS:]
    return next((found for each in causes if (found := _fits(each, text, subject))), None)


def _fits(cause: Cause, text: str, subject: Subject) -> Known | None:
    if cause.stacks and subject.stack not in cause.stacks:
        return None
    if cause.codes and subject.code not in cause.codes:
        return None
    groups: dict[str, str] = {}
    for pattern, searched in ((cause.command, subject.command), (cause.pattern, text)):
        if pattern:
            match = _compiled(pattern).search(searched)
            if match is None:
                return None
            groups |= {name: value or "" for name, value in match.groupdict().items()}
    if cause.lacks and _compiled(cause.lacks).search(text):
        return None
    known = cause.names.get(groups["name"]) if cause.names else cause.known
    if known is None:
        return None
    groups |= {"known": known, "app": subject.app, "packages": _packages(subject.stack, known)}
    return Known(cause.message.format_map(groups), cause.hint.format_map(groups))


def _packages(stack: str, names: str) -> str:
    """How Debian packages get into the image: pasted as it stands."""
    if stack == "dockerfile":
        return f"In the Dockerfile: RUN apt-get update && apt-get install -y {names}"
    listed = ", ".join(f'"{name}"' for name in names.split())
    return f"In deployzero.toml: packages = [{listed}]"


@functools.cache
def _compiled(pattern: str) -> Any:
    return re2.compile(f"(?m){pattern}")
