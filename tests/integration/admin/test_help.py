"""help, suggestions, colour: the front door's manner."""

import ast
from pathlib import Path
from typing import Any

import asyncssh
import pytest

import deployzero
from deployzero.ssh.commands import COMMANDS
from deployzero.ssh.commands.general import SECTIONS

Admin = Any
RED = "\x1b[31m"


@pytest.fixture
async def connection(admin: Admin) -> Any:
    async with await admin.connect("root") as opened:
        yield opened


async def ask(connection: Any, line: str, **options: Any) -> asyncssh.SSHCompletedProcess:
    return await connection.run(line, stdin=asyncssh.DEVNULL, timeout=20, **options)


async def test_help_is_grouped_in_a_fixed_order_and_fits_80_columns(connection: Any) -> None:
    text = str((await ask(connection, "help")).stdout)
    headings = [line[:-1] for line in text.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == [name for name in SECTIONS if name in headings]
    assert {"Apps", "Config", "Processes", "People", "Platform"} <= set(headings)
    assert max(map(len, text.splitlines())) <= 80
    shown = {line.split()[0] for line in text.splitlines() if line.startswith("  ")}
    assert shown == {name for name, found in COMMANDS.items() if not found.alias_of}


async def test_every_summary_is_whole(connection: Any) -> None:
    text = str((await ask(connection, "help")).stdout)
    assert not [line for line in text.splitlines() if line.endswith(("...", "…"))]


async def test_every_command_explains_itself_with_an_example(connection: Any) -> None:
    for name, found in COMMANDS.items():
        done = await ask(connection, f"{name} --help")
        text = str(done.stdout)
        assert (done.exit_status, done.stderr) == (0, ""), name
        assert f"Usage: {name}" in text
        assert "\nNeeds: " in text, name
        assert f"Example: ssh -p 1 deployzero@localhost {found.alias_of or name}" in text, name
        wrapped = [line for line in text.splitlines() if not line.startswith("Example: ")]
        assert max(map(len, wrapped)) <= 80, name


async def test_help_of_a_noun_and_of_a_command(connection: Any) -> None:
    for line, has, has_not in (
        ("help users", ["users:add", "users:role"], ["keys:add"]),
        ("users:help", ["users:add", "users:role"], ["keys:add"]),
        ("help users:add", ["Usage: users:add", "--role"], []),
        ("--help", ["Apps:", "People:"], []),
        ("-- help ps", ["ps:scale"], []),
        ("help events", ["Usage: events", "--tail"], []),
    ):
        done = await ask(connection, line)
        assert done.exit_status == 0
        assert all(words in str(done.stdout) for words in has), line
        assert not any(words in str(done.stdout) for words in has_not), line


async def test_a_typo_suggests_the_near_command(connection: Any) -> None:
    for line, meant in (
        ("app:create x", "apps:create"),
        ("aps", "apps:list"),
        ("user:add bob", "users:add"),
        ("confg:set hello A=1", "config:set"),
        ("help ps:scal", "ps:scale"),
        ("rolback hello", "rollback"),
    ):
        done = await ask(connection, line)
        assert done.exit_status == 127
        assert "unknown command" in str(done.stderr)
        assert "Did you mean" in str(done.stderr), line
        assert meant in str(done.stderr), line


async def test_what_nobody_means_is_just_unknown(connection: Any) -> None:
    done = await ask(connection, "frobnicate")
    assert done.exit_status == 127
    assert "Did you mean" not in str(done.stderr)


async def test_bad_usage_shows_the_usage(connection: Any) -> None:
    done = await ask(connection, "access:add hello")
    assert done.exit_status == 1
    assert "Missing argument 'USER'" in str(done.stderr)
    assert "Usage: access:add [OPTIONS] APP USER" in str(done.stderr)


async def test_errors_are_red_on_a_terminal_alone(connection: Any) -> None:
    plain = await ask(connection, "ps nothing")
    assert RED not in str(plain.stderr)
    terminal = await connection.create_process("ps nothing", term_type="xterm")
    said = "".join(map(str, await terminal.communicate()))
    assert f"{RED} !     there is no app nothing" in said
    for options in ({"env": {"NO_COLOR": "1"}, "term_type": "xterm"}, {"term_type": "dumb"}):
        process = await connection.create_process("ps nothing", **options)
        assert RED not in "".join(map(str, await process.communicate()))


async def test_whoami_and_version(connection: Any) -> None:
    assert str((await ask(connection, "whoami")).stdout).startswith("root (admin, SHA256:")
    assert str((await ask(connection, "--version")).stdout) == (
        f"deployzero {deployzero.__version__}\n"
    )


async def test_an_unknown_key_is_told_of_keys_add(admin: Admin) -> None:
    banners: list[str] = []

    class Client(asyncssh.SSHClient):
        def auth_banner_received(self, msg: str, lang: str) -> None:
            banners.append(msg)

    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh.connect(
            "127.0.0.1", admin.port, known_hosts=None, username="x", client_factory=Client,
            client_keys=[asyncssh.generate_private_key("ssh-ed25519")], agent_path=None,
            config=None,
        )  # fmt: skip
    assert "keys:add" in banners[0]
    assert "SHA256:" in banners[0]


def test_nothing_at_the_door_writes_to_the_daemons_own_output() -> None:
    """Redirected output leaks between sessions: only the session's streams are written to."""
    root = Path(deployzero.__file__).parent
    forbidden = {"print", "input", "echo", "secho", "prompt", "confirm", "stdout", "stderr"}
    for path in [*root.glob("ssh/**/*.py"), *root.glob("operations/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in forbidden, f"{path}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner, name = node.value.id, node.attr
                bad = owner in ("sys", "click", "contextlib") and (
                    name in forbidden or name.startswith("redirect_")
                )
                assert not bad, f"{path}:{node.lineno}"
