"""Tables for people, plain where no person reads."""

import pytest
from click.testing import CliRunner

from deployzero.cli import main
from deployzero.cli.output import listing

ROWS = [{"name": "hello", "what": "x" * 300}, {"name": "b\x1b[31m\n", "what": None}]
COLUMNS = {"NAME": "name", "WHAT": "what"}


def test_a_piped_table_is_plain_and_a_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    listing(ROWS, COLUMNS, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "NAME   WHAT",
        f"hello  {'x' * 300}",
        "b[31m  -",
    ]


def test_an_empty_list_is_told_to_people_and_printed_as_data(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listing([], COLUMNS, as_json=False, empty="There is none.")
    listing([], COLUMNS, as_json=True)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("[]\n", "There is none.\n")


@pytest.mark.parametrize(
    ("typed", "here"),
    [
        (["config:set", "--help"], "deployzero config set "),
        (["ps:scale", "--help"], "deployzero scale "),
        (["apps:list", "--help"], "deployzero apps "),
        (["releases:rollback", "--help"], "deployzero rollback "),
    ],
)
def test_commands_go_by_their_names_over_ssh_too(typed: list[str], here: str) -> None:
    done = CliRunner().invoke(main, typed, prog_name="deployzero")
    assert done.stdout.startswith(f"Usage: {here}")
