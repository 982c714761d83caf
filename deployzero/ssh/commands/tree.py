"""The command tree: parsed by click, run on the event loop, written to the session alone."""

import shlex
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from deployzero.deploy.platform import Platform
from deployzero.errors import UsageError
from deployzero.models.access import Role
from deployzero.models.deployment import User
from deployzero.operations import events
from deployzero.ssh.session import unknown_command
from deployzero.ssh.streams import Streams


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs a command, and where to."""

    platform: Platform
    user: User
    streams: Streams

    def print(self, text: str = "") -> None:
        """One line, or several, to the session's standard output."""
        self.streams.stdout.write(f"{text}\n")


Function = Callable[..., Awaitable[int | None]]
"""`(caller, **parameters)`, with click's values; returns the exit code, None for 0."""
Detail = Callable[[Mapping[str, Any]], str]
"""The parameters as the audit log may show them."""


class Command(click.Command):
    """What click knows of a command, and what the help, the rules and the audit log need."""

    def __init__(
        self,
        name: str,
        function: Function,
        parameters: Sequence[click.Parameter],
        section: str,
        needs: Role,
        changes: bool,
        detail: Detail,
    ) -> None:
        def callback(**values: Any) -> Awaitable[int | None]:
            caller: Caller = click.get_current_context().obj
            return function(caller, **values)

        super().__init__(
            name,
            params=[*parameters, _help_option()],
            callback=callback,
            help=function.__doc__,
            add_help_option=False,
        )
        self.section = section
        self.needs = needs
        """The role that operations ask for: the permission test holds them to it."""
        self.changes = changes
        """Runs are recorded, not only refusals."""
        self.detail = detail


COMMANDS: dict[str, Command] = {}
"""By name, aliases included."""
Register = Callable[[Function], Function]


def _parameters(values: Mapping[str, Any]) -> str:
    given = (f"{name}={value}" for name, value in values.items() if value and name != "app")
    return " ".join(given)


def command(
    name: str,
    *parameters: click.Parameter,
    section: str,
    needs: Role,
    changes: bool = False,
    aliases: Sequence[str] = (),
    detail: Detail = _parameters,
) -> Register:
    """Register a coroutine `(caller, **parameters)` under its name.

    An argument of the name `app` is the app that the audit log names. detail: say so when
    a parameter may hold a secret.
    """

    def register(function: Function) -> Function:
        for each in (name, *aliases):
            COMMANDS[each] = Command(each, function, parameters, section, needs, changes, detail)
            COMMANDS[each].hidden = each != name
        return function

    return register


def _help_option() -> click.Option:
    def show(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            context.obj.print(context.get_help())
            context.exit()

    return click.Option(
        ["-h", "--help"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Explain this command.",
    )


JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print data.")
APP = click.Argument(["app"])


async def run_command(platform: Platform, user: User, argv: list[str], streams: Streams) -> int:
    """Run one admin command; returns its exit code. Nothing is written but to its session."""
    name, *arguments = argv if argv[0] != "--" else argv[1:] or ["help"]
    found = COMMANDS.get(name)
    if found is None:
        return await unknown_command(user, [name], streams)
    caller = Caller(platform, user, streams)
    with _usage_errors(name):
        try:
            context = found.make_context(name, arguments, obj=caller)
        except click.exceptions.Exit as exit_:
            return exit_.exit_code
        with context:
            audited = events.recorded(
                platform,
                user,
                action=name,
                app=str(context.params.get("app") or ""),
                detail=found.detail(context.params),
                refusals_only=not found.changes,
            )
            async with audited:
                return await found.invoke(context) or 0


@contextmanager
def _usage_errors(name: str) -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        raise UsageError(
            error.format_message(), f"`{shlex.quote(name)} --help` explains it."
        ) from error
