"""The admin commands: parsed by click, run on the event loop, written to the session."""

import json
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

import click

from deployzero import __version__
from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException
from deployzero.models.deployment import User
from deployzero.operations import apps
from deployzero.ssh.session import unknown_command
from deployzero.ssh.streams import Streams


@dataclass(frozen=True, slots=True)
class Caller:
    platform: Platform
    user: User
    streams: Streams


Command = Callable[..., Awaitable[None]]


async def run_command(platform: Platform, user: User, argv: list[str], streams: Streams) -> int:
    """Run one admin command; returns its exit code. Nothing is written but to its session."""
    name, *arguments = argv if argv[0] != "--" else argv[1:] or ["help"]
    command = COMMANDS.commands.get(name)
    if command is None:
        return await unknown_command(user, [name], streams)
    try:
        with command.make_context(name, arguments, obj=Caller(platform, user, streams)) as context:
            await command.invoke(context)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.UsageError as error:
        raise DeployZeroException(
            error.format_message(), f"`{shlex.quote(name)} --help` explains it."
        ) from error
    return 0


def _command(name: str, *parameters: click.Parameter) -> Callable[[Command], Command]:
    """Register a coroutine `(caller, **parameters)` under its name."""

    def register(function: Command) -> Command:
        def callback(**values: Any) -> Awaitable[None]:
            caller: Caller = click.get_current_context().obj
            return function(caller, **values)

        command = click.Command(
            name,
            params=list(parameters),
            callback=callback,
            help=function.__doc__,
            add_help_option=False,
        )
        command.params.append(_help_option())
        COMMANDS.add_command(command)
        return function

    return register


def _help_option() -> click.Option:
    def show(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            context.obj.streams.stdout.write(context.get_help() + "\n")
            context.exit()

    return click.Option(
        ["-h", "--help"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Explain this command.",
    )


COMMANDS = click.Group("deployzero")
JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print data.")
APP = click.Argument(["app"])


@_command("help", click.Argument(["command"], required=False))
async def show_help(caller: Caller, command: str | None) -> None:
    """List the commands, or explain one."""
    if command is not None:
        await run_command(caller.platform, caller.user, [command, "--help"], caller.streams)
        return
    rows = sorted(COMMANDS.commands.items())
    lines = [f"  {name:<12} {each.get_short_help_str(60)}" for name, each in rows]
    caller.streams.stdout.write("Commands:\n" + "\n".join(lines) + "\n")


@_command("version")
async def version(caller: Caller) -> None:
    """Print deployzero's version."""
    caller.streams.stdout.write(f"deployzero {__version__}\n")


@_command("whoami")
async def whoami(caller: Caller) -> None:
    """Print who your key says you are."""
    user = caller.user
    caller.streams.stdout.write(f"{user.name} ({user.role}, {user.key_fingerprint})\n")


@_command("apps:list", JSON)
async def apps_list(caller: Caller, as_json: bool) -> None:
    """List your apps, what is live and how it is."""
    listed = await apps.list_apps(caller.platform, caller.user)
    if as_json:
        caller.streams.stdout.write(json.dumps([_state(app) for app in listed]) + "\n")
        return
    for app in listed:
        caller.streams.stdout.write(f"{app.name:<24} {_release(app):<6} {_health(app)}\n")


@_command("ps", APP, JSON)
async def ps(caller: Caller, app: str, as_json: bool) -> None:
    """Show an app's processes and whether they are healthy."""
    state = await apps.app_state(caller.platform, caller.user, app)
    if as_json:
        caller.streams.stdout.write(json.dumps(_state(state)) + "\n")
        return
    caller.streams.stdout.write(f"{state.name} {_release(state)} {state.url}\n")
    for process in state.processes:
        caller.streams.stdout.write(f"  {process.process}.{process.index}  {process.health}\n")


def _release(app: apps.AppState) -> str:
    return f"v{app.live.release}" if app.live else "-"


def _health(app: apps.AppState) -> str:
    if app.live is None:
        return "not deployed"
    return ", ".join(f"{p.process}.{p.index} {p.health}" for p in app.processes)


def _state(app: apps.AppState) -> dict[str, Any]:
    return {
        "name": app.name,
        "url": app.url,
        "release": app.live.release if app.live else None,
        "commit": app.live.commit if app.live else None,
        "timings": app.live.timings if app.live else None,
        "processes": [asdict(process) for process in app.processes],
    }
