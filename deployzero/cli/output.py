"""What commands print: tables for people, JSON for programs."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console

Row = Mapping[str, Any]
UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, formats, surrogates, ends of lines and paragraphs."""


def listing(
    rows: Sequence[Row], columns: Mapping[str, str], as_json: bool, empty: str = ""
) -> None:
    """A table of the columns (heading to field), or all of the rows as JSON.

    A row is a line, however narrow the terminal is: what it shows can be copied, and searched.
    empty: what is said, on standard error, when there is none.
    """
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        click.echo(empty, err=True)
        return
    from rich.cells import cell_len

    cells = [list(columns)] + [[_text(row[field]) for field in columns.values()] for row in rows]
    wide = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for number, line in enumerate(cells):
        padded = (text + " " * (to - cell_len(text)) for text, to in zip(line, wide, strict=True))
        text = "  ".join(padded).rstrip()
        click.echo(text if number else click.style(text, bold=True))


def fields(values: Row) -> None:
    """One thing's fields, a line each; `_` in a name reads as a blank."""
    wide = max((len(name) for name in values), default=0)
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' ') + ':':<{wide + 1}}  {_text(value)}")


def print_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2))


def console(stderr: bool = False) -> Console:
    """Plain where it is no terminal, or NO_COLOR says so."""
    return Console(highlight=False, stderr=stderr)


def _text(value: object) -> str:
    """As people read it, without what would steer their terminal."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value) or "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{clean(name)}={_text(each)}" for name, each in value.items()) or "-"
    return clean(str(value))


def clean(text: str) -> str:
    """Without what would steer a terminal, turn its text around or break lines."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each for each in text.expandtabs() if unicodedata.category(each) not in UNSAFE)


def when(time: str | None) -> str | None:
    """A time of the API's as people read it, in UTC as everywhere."""
    return time and time[:19].replace("T", " ")
