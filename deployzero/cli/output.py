"""What commands print: tables for people, JSON for programs."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]
UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, formats, surrogates, ends of lines and paragraphs."""


def listing(
    rows: Sequence[Row], columns: Mapping[str, str], as_json: bool, empty: str = ""
) -> None:
    """A table of the columns (heading to field), or all of the rows as JSON.

    empty: what is said, on standard error, when there is none.
    """
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        click.echo(empty, err=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in columns:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_text(row[field])) for field in columns.values()))
    shown = console()
    with shown.capture() as lines:
        shown.print(table)
    text = "\n".join(line.rstrip() for line in lines.get().splitlines())
    click.echo(text, color=shown.is_terminal)


def fields(values: Row) -> None:
    """One thing's fields, a line each; `_` in a name reads as a blank."""
    wide = max((len(name) for name in values), default=0)
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' ') + ':':<{wide + 1}}  {_text(value)}")


def print_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2))


def console(stderr: bool = False) -> Console:
    """Plain where it is no terminal, or NO_COLOR says so; a pipe's lines are never wrapped."""
    made = Console(highlight=False, soft_wrap=False, stderr=stderr)
    return made if made.is_terminal else Console(highlight=False, width=10_000, stderr=stderr)


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
