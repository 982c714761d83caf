"""config and config:*: an app's variables, or with --global those of every app."""

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from deployzero.errors import DeployZeroException, UsageError
from deployzero.models.access import Role
from deployzero.operations import changes, config, env_file
from deployzero.ssh.commands.follow import follow
from deployzero.ssh.commands.render import Cell, Row, listing, print_json
from deployzero.ssh.commands.tree import JSON, Caller, command

SECTION = "Config"
MASK = "********"
STDIN_LIMIT = 60.0
"""Seconds in which more must come from standard input."""
MOST_STDIN = 1024 * 1024


def _app(context: click.Context, parameter: click.Parameter, app: str | None) -> str | None:
    """The app; with --global there is none, and its word is the first of the others."""
    if context.params.get("everywhere"):
        context.meta["first"] = () if app is None else (app,)
        if app is not None and all(each.name != "words" for each in context.command.params):
            raise click.UsageError("Name an app or --global, not both.")
        return None
    if app is None:
        raise click.MissingParameter(ctx=context, param=parameter)
    if "=" in app:  # it may be a secret: the audit log must not take it for a name
        raise click.UsageError("The app comes first, and then KEY=value.")
    return app


def _words(
    context: click.Context, parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[str, ...]:
    words = (*context.meta.get("first", ()), *words)
    if not words:
        raise click.MissingParameter(ctx=context, param=parameter)
    return words


GLOBAL = click.Option(
    ["--global", "everywhere"], is_flag=True, is_eager=True, help="Of every app; for admins."
)
APP = click.Argument(["app"], required=False, callback=_app, metavar="APP")
PAIRS = click.Argument(["words"], nargs=-1, callback=_words, metavar="KEY=value…")
KEYS = click.Argument(["words"], nargs=-1, callback=_words, metavar="KEY…")
NO_RESTART = click.Option(
    ["--no-restart"], is_flag=True, help="Only store it, for the next release."
)
MERGED = click.Option(["--merged"], is_flag=True, help="With those of every app.")


def _level(values: Mapping[str, Any]) -> str:
    """For the audit log: any word may be a piece of a value, until `_finish` knows the names."""
    return "of every app" if values["everywhere"] else ""


@command(
    "config",
    GLOBAL,
    APP,
    click.Option(["--reveal"], is_flag=True, help="Show the values; for owners."),
    JSON,
    section=SECTION,
    needs=Role.VIEWER,
    aliases=("config:show",),
    detail=_level,
)
async def show(
    caller: Caller, everywhere: bool, app: str | None, reveal: bool, as_json: bool
) -> None:
    """List the variables, their values masked.

    FROM says whose a variable is: the app's, or of every app. RUNNING says whether the
    live containers have this value already.
    """
    found = await config.show(caller.platform, caller.user, app, reveal)
    columns: dict[str, Cell] = {"NAME": "name", "VALUE": _shown, "BUILD": "build", "FROM": _from}
    if app is not None:
        columns["RUNNING"] = "running"
    listing(
        caller,
        [asdict(each) for each in found],
        columns,
        as_json,
        empty=f"Nothing is set: config:set {app or '--global'} KEY=value",
    )


@command(
    "config:get",
    GLOBAL,
    APP,
    click.Argument(["words"], nargs=-1, callback=_words, metavar="KEY"),
    section=SECTION,
    needs=Role.OWNER,
    detail=_level,
)
async def get(caller: Caller, everywhere: bool, app: str | None, words: tuple[str, ...]) -> None:
    """Print one variable's value; for owners."""
    if len(words) > 1:
        raise UsageError("one variable at a time", "`config --reveal` shows all of them.")
    caller.print(await config.value(caller.platform, caller.user, app, words[0]))


@command(
    "config:keys", GLOBAL, APP, MERGED, JSON, section=SECTION, needs=Role.VIEWER, detail=_level
)
async def keys(
    caller: Caller, everywhere: bool, app: str | None, merged: bool, as_json: bool
) -> None:
    """List the variables' names."""
    names = await config.keys(caller.platform, caller.user, app, merged)
    if as_json:
        print_json(caller, names)
    elif names:
        caller.print("\n".join(names))


@command(
    "config:export",
    GLOBAL,
    APP,
    click.Option(
        ["--format", "form"],
        type=click.Choice(list(env_file.FORMATS)),
        default="env",
        show_default=True,
    ),
    MERGED,
    section=SECTION,
    needs=Role.OWNER,
    detail=_level,
)
async def export(
    caller: Caller, everywhere: bool, app: str | None, form: str, merged: bool
) -> None:
    """Print all variables with their values; for owners.

    env: a .env file, which config:import reads; not for a shell, which reads quotes in its
    own way: for that use --format exports. shell: one line to stand before a command. json:
    an object.
    """
    values = await config.export(caller.platform, caller.user, app, merged)
    if values or form == "json":
        caller.print(env_file.FORMATS[form](values))


@command(
    "config:set",
    GLOBAL,
    APP,
    PAIRS,
    NO_RESTART,
    click.Option(["--build"], is_flag=True, help="Builds get them too: the app is built again."),
    click.Option(["--encoded"], is_flag=True, help="The values are base64."),
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
    detail=_level,
)
async def set_(
    caller: Caller,
    everywhere: bool,
    app: str | None,
    words: tuple[str, ...],
    no_restart: bool,
    build: bool,
    encoded: bool,
) -> None:
    """Set variables, in one new release of the same image.

    It goes live with zero downtime.

    ssh joins words with blanks and drops quotes. So quote twice where a value has blanks
    or quotes ("KEY='a b'"), or give base64 with --encoded, or give one bare KEY and its
    value on standard input, less one newline at its end:

        ssh … config:set app KEY < file
    """
    values = _decoded(await _pairs(caller, words), encoded)
    done = await config.set_variables(
        caller.platform, caller.user, app, values, build=build, restart=not no_restart
    )
    await _finish(caller, done, "set", values)


@command(
    "config:unset",
    GLOBAL,
    APP,
    KEYS,
    NO_RESTART,
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
    detail=_level,
)
async def unset(
    caller: Caller, everywhere: bool, app: str | None, words: tuple[str, ...], no_restart: bool
) -> None:
    """Drop variables, in one new release."""
    done = await config.unset_variables(
        caller.platform, caller.user, app, words, restart=not no_restart
    )
    await _finish(caller, done, "unset", words)


@command(
    "config:clear",
    GLOBAL,
    APP,
    NO_RESTART,
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
    detail=_level,
)
async def clear(caller: Caller, everywhere: bool, app: str | None, no_restart: bool) -> None:
    """Drop all variables, in one new release."""
    done = await config.clear_variables(caller.platform, caller.user, app, restart=not no_restart)
    await _finish(caller, done, "unset", ())


@command(
    "config:import",
    GLOBAL,
    APP,
    NO_RESTART,
    click.Option(["--replace"], is_flag=True, help="Drop what the file does not have."),
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
    detail=_level,
)
async def import_(
    caller: Caller, everywhere: bool, app: str | None, no_restart: bool, replace: bool
) -> None:
    """Set the variables of a .env file from standard input.

    In one new release. `$` is an ordinary character. PORT is left out: deployzero sets it.
    """
    text = await _stdin(caller)
    values = await asyncio.to_thread(env_file.parse, text)
    if values.pop(config.PORT, None) is not None:
        caller.print(f"PORT is left out: {config.PORT_IS_OURS}")
    if not values and not replace:
        raise UsageError("there is no variable on standard input", "config:import <app> < .env")
    done = await config.set_variables(
        caller.platform, caller.user, app, values, restart=not no_restart, clear=replace
    )
    await _finish(caller, done, "set", values)


async def _finish(
    caller: Caller, done: config.ConfigResult, verb: str, asked: Sequence[str] | Mapping[str, str]
) -> None:
    """Follow the release, or say when what is stored will be in force.

    Raises DeployZeroException if the release did not go live.
    """
    if not done.changed:
        caller.print(_nothing(verb, list(asked)))
        return
    names = ", ".join(done.changed)
    caller.entry.detail = f"{names} {caller.entry.detail}".rstrip()
    if done.deployment is None:
        caller.print(f"-----> Changed: {names}")
        caller.print(f"       {done.effect}")
        return
    if await follow(caller, done.deployment) != 0:
        ended = await changes.outcome(caller.platform, done.deployment)
        raise DeployZeroException(
            f"the config is as it was: {ended.reason}",
            "--no-restart stores the change all the same.",
        )


def _nothing(verb: str, asked: list[str]) -> str:
    if not asked:
        return "Nothing is set. Nothing was changed."
    names = ", ".join(name for name in asked if config.NAME.fullmatch(name)) or "That"
    many = len(asked) > 1
    if verb == "unset":
        return f"{names} {'are' if many else 'is'} not set. Nothing was changed."
    return f"{names} {'have' if many else 'has'} that value already. Nothing was changed."


async def _pairs(caller: Caller, words: Sequence[str]) -> dict[str, str]:
    """KEY=value words; one bare KEY takes its value from standard input."""
    if len(words) == 1 and "=" not in words[0]:
        config.check_variable(words[0], "")
        text = await _stdin(caller)
        if not text:
            raise UsageError(
                "it has no value: standard input is empty",
                f"{words[0]}=value sets it; `{words[0]}=` sets it to nothing.",
            )
        return {words[0]: text.removesuffix("\n").removesuffix("\r" * text.endswith("\r\n"))}
    values = {}
    before = ""
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:  # a piece of a value, most likely: it is not repeated here
            raise UsageError(
                "a word has no '='",
                f"{f'It comes after {before}=…: ' if before else ''}ssh joins words with blanks "
                f"and drops quotes: {config.BLANKS}",
            )
        config.check_variable(name, value)
        values[name], before = value, name
    return values


def _decoded(values: dict[str, str], encoded: bool) -> dict[str, str]:
    return {name: _base64(name, text) for name, text in values.items()} if encoded else values


def _base64(name: str, text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):  # of the decoding to text, too
        raise UsageError(
            f"{name} is no base64 of UTF-8 text", 'KEY=$(printf %s "$VALUE" | base64 -w0)'
        ) from None


async def _stdin(caller: Caller) -> str:
    """All of standard input. Raises UsageError if it is binary, too large, or does not come."""
    data = bytearray()
    while True:
        try:
            async with asyncio.timeout(STDIN_LIMIT):
                chunk = await caller.streams.stdin.read(64 * 1024)
        except TimeoutError:
            raise UsageError(
                f"nothing came on standard input for {STDIN_LIMIT:.0f} s",
                "Give it a file: … < file. With KEY=value nothing is read.",
            ) from None
        if not chunk:
            break
        data += chunk
        if len(data) > MOST_STDIN:
            raise UsageError(
                f"there are more than {MOST_STDIN} bytes on standard input",
                "Variables are for small values: keep large ones in a file or a store.",
            )
    if b"\0" in data:
        raise _binary()
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _binary() from None


def _binary() -> UsageError:
    return UsageError(
        "what came on standard input is binary: a variable is UTF-8 text without NUL",
        "Encode it with base64, and decode it in the app.",
    )


def _shown(row: Row) -> str:
    if row["value"] is None:
        return MASK
    value = str(row["value"])
    return value if value and value.isprintable() else json.dumps(value, ensure_ascii=False)


def _from(row: Row) -> str:
    return "every app" if row["of_every_app"] else "app"
