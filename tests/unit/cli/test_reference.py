"""The README's list of commands is the command tree's."""

from pathlib import Path

import pytest

from deployzero.cli.reference import with_commands
from deployzero.errors import UsageError
from deployzero.ssh.commands import COMMANDS

README = Path(__file__).parents[3] / "README.md"


def test_the_readme_is_up_to_date() -> None:
    text = README.read_text()
    assert with_commands(text) == text, "run `make reference`"


def test_every_command_stands_in_it_and_no_alias() -> None:
    text = README.read_text()
    for name, found in COMMANDS.items():
        listed = f"| `{name} " in text or f"| `{name}`" in text
        assert listed is (found.alias_of is None), name


def test_without_markers_nothing_is_written() -> None:
    with pytest.raises(UsageError, match="markers"):
        with_commands("# README\n")
