"""The command line starts quickly, and works without any package of the server's."""

import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from deployzero.cli.commands import COMMANDS as ALL
from deployzero.cli.commands import SERVER
from deployzero.cli.main import main
from deployzero.errors import UsageError

CLIENT = [name for name, (section, _) in ALL.items() if section and section != SERVER]
WITHOUT_SERVER = """
import importlib, pkgutil, sys

ALLOWED = {*sys.stdlib_module_names, "deployzero", "click", "rich", "httpx", "websockets",
    "httpcore", "h11", "certifi", "idna", "anyio", "sniffio", "typing_extensions",
    "markdown_it", "mdurl", "pygments"}

class Refuses:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in ALLOWED and not top.startswith("__editable__"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuses())
for name in [each for each in sys.modules if each.partition(".")[0] not in ALLOWED]:
    if not name.startswith(("__", "_")):
        del sys.modules[name]
from click.testing import CliRunner
from deployzero.cli import main
import deployzero.client

for each in pkgutil.iter_modules(deployzero.client.__path__):
    importlib.import_module(f"deployzero.client.{each.name}")
for words in ([], *sys.argv[1:]):
    done = CliRunner().invoke(main, [*words, "--help"] if words == [] else [words, "--help"])
    assert done.exit_code == 0, (words, done.output, done.exception)
for words in (["up"], ["detect", "--help"], ["doctor"]):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1, words
    assert "pip install 'deployzero[server]'" in done.output, (words, done.output)
"""


def test_every_command_of_the_clients_needs_its_few_packages_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SERVER, *CLIENT],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_list_of_commands_loads_none_of_them() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from deployzero.cli import main;"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0;"
        "assert not {'httpx', 'rich', 'asyncio', 'sqlalchemy', 'asyncssh'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_command_is_there_under_its_own_name() -> None:
    context = click.Context(main)
    for name in CLIENT:
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.help


def test_a_misspelt_command_is_guessed() -> None:
    done = CliRunner().invoke(main, ["deplpy"])
    assert done.exit_code == 2
    assert "Did you mean deploy?" in done.output
    assert "Did you mean" not in CliRunner().invoke(main, ["xyzzy"]).output


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (UsageError("no\x1b[2J", "do\x07 this", ["a\tline"]), 1,
         "       a       line\n !     no[2J\n !     do this\n"),
        (KeyboardInterrupt(), 130, "\n"),
    ],
)  # fmt: skip
def test_errors_are_told_without_what_steers_a_terminal(
    monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, told: str
) -> None:
    def fails(**_: object) -> None:
        raise raised

    monkeypatch.setattr("deployzero.cli.whoami.connect", fails, raising=False)
    whoami = main.get_command(click.Context(main), "whoami")
    assert whoami is not None
    monkeypatch.setattr(whoami, "callback", fails)
    done = CliRunner().invoke(main, ["whoami"])
    assert (done.exit_code, done.output) == (code, told)


def test_a_reader_that_has_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    for words, code in ((["--help"], 1), (["completion", "bash"], 141)):
        done = subprocess.run(
            [sys.executable, "-m", "deployzero", *words],
            stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.stderr, done.returncode) == ("", code)
    os.close(writing)
