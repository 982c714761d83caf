"""Tables for people, plain where no person reads."""

import fcntl
import os
import struct
import subprocess
import sys
import termios

import pytest
from click.testing import CliRunner

from deployzero.cli import main
from deployzero.cli.commands import as_here, hint_here
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


@pytest.mark.parametrize(("no_color", "bold"), [("", "\x1b[1m"), ("1", "")])
def test_a_terminals_table_is_a_line_a_row_too(
    monkeypatch: pytest.MonkeyPatch, no_color: str, bold: str
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    keyboard, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    url = f"https://{'x' * 60}.example"
    code = (
        "from deployzero.cli.main import main\nfrom deployzero.cli import apps, output\n"
        f"apps.apps.callback = lambda **_: output.listing([{{'a': '{url}', 'b': 'Ö日'}},"
        " {'a': 'x', 'b': ''}], {'A': 'a', 'B': 'b'}, False)\nmain(['apps'])"
    )
    subprocess.run([sys.executable, "-c", code], stdout=terminal, check=True, timeout=60)
    os.close(terminal)
    shown = os.read(keyboard, 4096).decode().splitlines()
    os.close(keyboard)
    assert shown[0].startswith(f"{bold}A   ")
    assert shown[1:] == [f"{url}  Ö日", f"x{' ' * (len(url) + 1)}-"]


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


@pytest.mark.parametrize(
    ("typed", "here"),
    [
        ("config:set hello A=b", "config set -a hello A=b"),
        ("config:set hello TOKEN", "config set -a hello TOKEN"),
        ("config:set A=b", "config set A=b"),
        ("config:set -a hello A=b", "config set -a hello A=b"),
        ("config:unset A B", "config unset A B"),
        ("config:get TOKEN", "config get TOKEN"),
        ("config:list hello", "config -a hello"),
        ("domains:remove hello www.x.org", "domains remove -a hello www.x.org"),
        ("domains:remove www.x.org", "domains remove www.x.org"),
        ("domains:clear hello", "domains clear -a hello"),
        ("access:add hello ana --role viewer", "access add -a hello ana --role viewer"),
        ("access:add ana --role viewer", "access add ana --role viewer"),
        ("access:add ana -a hello", "access add ana -a hello"),
        ("builds:cancel hello", "cancel hello"),
        ("builds:list hello", "builds hello"),
        ("ps:scale hello web=2", "scale hello web=2"),
        ("ps:start hello", "start hello"),
        ("keys:add ana", "keys add ana"),
        ("checks:set hello path=/up", "checks:set hello path=/up"),
        ("builds:output hello", "builds:output hello"),
    ],
)
def test_the_app_may_stand_first_as_over_ssh(typed: str, here: str) -> None:
    assert as_here(typed.split()) == here.split()


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("Set it: config:set hello A=b", "Set it: deployzero config:set hello A=b"),
        ("Wait, or `builds:cancel hello`.", "Wait, or `deployzero builds:cancel hello`."),
        ("`checks:set hello path=/up`", "`checks:set hello path=/up`"),
        ("deployzero config:set A=b", "deployzero config:set A=b"),
        ("ssh://host:2222, node:apps, x.config:set", "ssh://host:2222, node:apps, x.config:set"),
    ],
)
def test_a_servers_hint_can_be_pasted(hint: str, shown: str) -> None:
    assert hint_here(hint) == shown


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("config GREETING", "deployzero config get GREETING"),
        ("config hello", "deployzero config -a hello"),
        ("config A=b", "deployzero config set NAME=value"),
        ("config sett", "Did you mean set"),
        ("env", "deployzero config"),
        ("info", "deployzero status"),
        ("keys new", "deployzero keys create"),
        ("keys rm", "deployzero keys remove"),
        ("register", "deployzero login"),
        ("checks:set x", "Over SSH there may be"),
    ],
)
def test_other_words_are_pointed_on(typed: str, told: str) -> None:
    done = CliRunner().invoke(main, typed.split())
    assert done.exit_code == 2
    assert told in done.output
