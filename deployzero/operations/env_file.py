"""Variables as text: .env files in, and out again in the forms that other tools read."""

import io
import json
import re
import shlex
from collections.abc import Callable, Mapping

from dotenv.parser import Binding, parse_stream

from deployzero.errors import UsageError

PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]*")
LONG_BLANK = re.compile(r"[^\S\r\n]{100}")
"""python-dotenv takes quadratic time for such a run of blanks, and holds the event loop."""
NO_LINE = re.compile(r"\s#|[\r\n]")
"""Cannot stand in a .env line without quotes."""


def parse(text: str) -> dict[str, str]:
    """Read a .env file as python-dotenv does, `$` being an ordinary character.

    Raises UsageError naming the first line that is no NAME=value.
    """
    text = text.removeprefix("\ufeff")
    if found := LONG_BLANK.search(text):
        raise UsageError(
            f"line {_line(text, found.start())} has more than 100 blanks in a row",
            "Set that variable by itself: config:set <app> KEY < file",
        )
    values: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            raise UsageError(
                f"line {_first_line(binding)} is no NAME=value",
                "Quote values of several lines, and begin comments with '#'.",
            )
        if binding.key is not None:
            values[binding.key] = binding.value or ""
    return values


def as_env(values: Mapping[str, str]) -> str:
    """A .env file, which `parse` reads back as it was."""
    return _lines(values, _env_line)


def as_exports(values: Mapping[str, str]) -> str:
    """Lines that a POSIX shell runs."""
    return _lines(values, lambda name, value: f"export {name}={shlex.quote(value)}")


def as_shell(values: Mapping[str, str]) -> str:
    """One line of assignments, to stand before a command."""
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in values.items())


def as_json(values: Mapping[str, str]) -> str:
    return json.dumps(values, ensure_ascii=False)


FORMATS: dict[str, Callable[[Mapping[str, str]], str]] = {
    "env": as_env,
    "exports": as_exports,
    "shell": as_shell,
    "json": as_json,
}


def _lines(values: Mapping[str, str], line: Callable[[str, str], str]) -> str:
    return "\n".join(line(name, value) for name, value in values.items())


def _env_line(name: str, value: str) -> str:
    if PLAIN.fullmatch(value):
        return f"{name}={value}"
    if value.endswith("\\"):  # it would take the closing quote along
        if NO_LINE.search(value) or value[0].isspace() or value[0] in "'\"":
            raise UsageError(
                f"{name} cannot be written in a .env file: it ends with a backslash",
                "Use --format json.",
            )
        return f"{name}={value}"
    if "'" not in value and "\\\\" not in value:
        return f"{name}='{value}'"
    escaped = value.replace("\\", "\\\\")
    if "$" in value or "`" in value:  # other readers expand them between double quotes
        escaped = escaped.replace("'", "\\'")
        return f"{name}='{escaped}'"
    escaped = escaped.replace('"', '\\"')
    return f'{name}="{escaped}"'


def _first_line(binding: Binding) -> int:
    text = binding.original.string
    blank = text[: len(text) - len(text.lstrip())]
    return binding.original.line + blank.count("\n")


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
