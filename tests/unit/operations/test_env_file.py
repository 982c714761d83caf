"""Variables as text."""

import json
import subprocess

import pytest

from deployzero.errors import UsageError
from deployzero.operations.env_file import as_env, as_exports, as_json, as_shell, parse

HARD = {
    "BLANKS": "  a  b  ",
    "QUOTES": """it's "so" `now`""",
    "DOLLAR": "$HOME ${HOME} $$",
    "LINES": "-----BEGIN-----\nab==\n-----END-----\n",
    "WINDOWS": "a\r\nb",
    "BACKSLASH": r"C:\new\table\\",
    "ESCAPES": r"\n is not a newline, nor \' a quote",
    "COMMENT": "a # b",
    "HASH": "#a",
    "UNICODE": "naïve 🙂\u2028",
    "EMPTY": "",
    "URL": "postgres://u:p%40@h:5432/d?a=b&c=d",
}


def test_a_file_that_was_exported_reads_back_as_it_was() -> None:
    assert parse(as_env(HARD)) == HARD


def test_other_readers_of_the_file_take_values_as_they_are_and_expand_none() -> None:
    """A shell stands for them: what it reads right, docker compose and ruby's dotenv do too."""
    both = {"BOTH": "it's $HOME", "TICKS": "it's `now`"}  # no quotes that all readers agree on
    easy = {name: value for name, value in HARD.items() if name not in ("QUOTES", "BACKSLASH")}
    easy |= {"KEY": "-----BEGIN-----\n$a/`b`\n", "APOSTROPHE": 'it\'s\n"two\\n" lines\\\\x'}
    script = f"set -a\n{as_env(easy)}\nenv -0"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    read = dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if line)
    assert {name: read[name] for name in easy} == easy
    assert parse(as_env(easy | both)) == easy | both
    assert '="' not in as_env(both)


@pytest.mark.parametrize("form", [as_exports, as_shell])
def test_a_shell_reads_every_value_as_it_is(form: object) -> None:
    assert callable(form)
    text = form(HARD)
    names = " ".join(HARD)
    script = f'{text}\nfor n in {names}; do eval "printf \'%s\\\\0\' \\"\\${{$n}}\\""; done'
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == list(HARD.values())


def test_json_is_an_object() -> None:
    assert json.loads(as_json(HARD)) == HARD


def test_a_file_as_people_write_it() -> None:
    text = "\ufeff# comment\r\nexport A=1\nB = 'two words' # why\nC=\"x\\ny\"\n\nD=$A#b\nE=\n"
    assert parse(text) == {"A": "1", "B": "two words", "C": "x\ny", "D": "$A#b", "E": ""}


@pytest.mark.parametrize("text", ["A=1\n\nhunter2\n", "A=1\n\nB='hunter2\n", "A=1\n\n=hunter2\n"])
def test_a_line_that_is_no_assignment_is_named_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(text)
    assert error.value.message == "line 3 is no NAME=value"
    assert "hunter2" not in error.value.hint


def test_a_run_of_blanks_that_would_take_minutes_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="line 2 has more than 100 blanks"):
        parse("A=1\nB=x" + " " * 500_000 + "y\n")


def test_a_value_that_a_file_cannot_hold_is_refused() -> None:
    with pytest.raises(UsageError, match="A cannot be written"):
        as_env({"A": "two\nlines\\"})
