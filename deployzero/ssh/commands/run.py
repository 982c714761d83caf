"""run, run:*, enter."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from deployzero.models.access import Role
from deployzero.operations import runs
from deployzero.source.lines import printable
from deployzero.ssh.commands.render import listing
from deployzero.ssh.commands.tree import APP, COMMANDS, JSON, Caller, command
from deployzero.ssh.terminal import join

SECTION = "Run"
NOT_RUN = {126: "cannot be executed", 127: "is not in the image"}
"""What an exit code says of the program, in every shell and in tini."""
WORDS = click.Argument(["words"], nargs=-1, required=True, metavar="COMMAND...")
NO_ENTRYPOINT = click.Option(
    ["--no-entrypoint", "no_entrypoint"],
    is_flag=True,
    help="Without the ENTRYPOINT of your own Dockerfile.",
)


def _program(values: Mapping[str, Any]) -> str:
    return runs.program(_command(values["words"]))


def _entered(values: Mapping[str, Any]) -> str:
    return runs.entered(_command(values["words"]))


def _command(words: tuple[str, ...]) -> tuple[str, ...]:
    """`run app -- command`: as one may write it for Heroku."""
    return words[1:] if words[:1] == ("--",) else words


@command(
    "run", NO_ENTRYPOINT, APP, WORDS, section=SECTION, needs=Role.DEPLOYER, changes=True,
    detail=_program, ends_with_client=True,
)  # fmt: skip
async def run(caller: Caller, app: str, words: tuple[str, ...], no_entrypoint: bool) -> int:
    """Run a command in a fresh container of what is live.

    With `ssh -t` it has a terminal; else your input is piped to it. Several words reach the
    program as they are; one word is a name of the Procfile, or, with blanks in it, a line for
    a shell. It ends when your connection does.
    """
    running = runs.running(
        caller.platform,
        caller.user,
        app,
        _command(words),
        caller.streams.terminal,
        own_entrypoint=not no_entrypoint,
    )
    async with running as program:
        code = await join(caller.streams, program, caller.platform.settings.max_run_seconds)
    name = _command(words)[0]
    if code in NOT_RUN and len(name.split()) == 1:  # else it was a shell, which has told
        caller.streams.stderr.write(
            f" !     {printable(name[:60])}, or a program that it calls, {NOT_RUN[code]}.\n"
            f" !     For a shell line quote it twice: run {app} \"'…'\"\n"
        )
    return code


@command(
    "run:detached", NO_ENTRYPOINT, APP, WORDS, section=SECTION, needs=Role.DEPLOYER, changes=True,
    detail=_program,
)  # fmt: skip
async def run_detached(
    caller: Caller, app: str, words: tuple[str, ...], no_entrypoint: bool
) -> None:
    """Run a command behind your back.

    Its name and where its log is are printed."""
    name = await runs.run_detached(
        caller.platform, caller.user, app, _command(words), own_entrypoint=not no_entrypoint
    )
    caller.print(name)
    caller.streams.stderr.write(f"       logs {app} -t -p {name}\n")


@command("run:list", APP, JSON, section=SECTION, needs=Role.DEPLOYER)
async def run_list(caller: Caller, app: str, as_json: bool) -> None:
    """List the commands that run."""
    found = await runs.list_runs(caller.platform, caller.user, app)
    rows = [asdict(each) | {"created": _time(each.created)} for each in found]
    listing(
        caller,
        rows,
        {
            "NAME": "name",
            "COMMAND": "command",
            "BY": "by",
            "SINCE": "created",
            "DETACHED": "detached",
        },
        as_json,
        empty="None runs.",
    )


@command(
    "run:stop",
    APP,
    click.Argument(["name"]),
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
)
async def run_stop(caller: Caller, app: str, name: str) -> None:
    """End a command that runs."""
    caller.print(f"{await runs.stop_run(caller.platform, caller.user, app, name)} is ended.")


@command(
    "enter",
    APP,
    click.Argument(["words"], nargs=-1, metavar="[web.1] [COMMAND...]"),
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
    detail=_entered,
    ends_with_client=True,
)
async def enter(caller: Caller, app: str, words: tuple[str, ...]) -> int:
    """Open a shell, or run a command, in a running container."""
    entering = runs.entering(
        caller.platform, caller.user, app, _command(words), caller.streams.terminal
    )
    async with entering as program:
        return await join(caller.streams, program, caller.platform.settings.max_run_seconds)


for _name in ("run", "run:detached", "enter"):
    # What stands behind the app is the command's own, whatever it looks like.
    COMMANDS[_name].allow_interspersed_args = False


def _time(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
