"""The command tree: parsed by click, run on the event loop, written to the session alone."""

import difflib
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import click

from deployzero.deploy.platform import Platform
from deployzero.errors import UsageError
from deployzero.models.access import Role
from deployzero.models.deployment import User
from deployzero.operations import events
from deployzero.operations.guard import guarded
from deployzero.ssh.commands.examples import EXAMPLES
from deployzero.ssh.session import NOT_FOUND, refuse_command
from deployzero.ssh.streams import Streams

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs a command, and where to."""

    platform: Platform
    user: User
    streams: Streams
    entry: events.Entry = field(default_factory=lambda: events.Entry("", None, ""))
    """What the audit log will say of it."""

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
        alias_of: str | None,
        ends_with_client: bool,
    ) -> None:
        super().__init__(
            name,
            params=[*parameters, _help_option()],
            help=function.__doc__,
            add_help_option=False,
            hidden=alias_of is not None,
        )
        self.function = function
        self.section = section
        self.needs = needs
        """The role that operations ask for: the permission test holds them to it."""
        self.changes = changes
        """Runs are recorded, not only refusals."""
        self.detail = detail
        self.alias_of = alias_of
        self.ends_with_client = ends_with_client

    @property
    def proper_name(self) -> str:
        """The name that the audit log and the help know it by."""
        return self.alias_of or str(self.name)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        settings = ctx.obj.platform.settings
        host = f"ssh -p {settings.ssh_port} deployzero@{settings.domain}"
        rows = [("Needs", needs_words(self))]
        if example := EXAMPLES.get(self.proper_name):
            rows.append(("Example", f"{host} {example}"))
        formatter.write_paragraph()
        for heading, text in rows:
            # Not wrapped: an example is there to be copied.
            formatter.write(f"{heading}: {text}\n")


def needs_words(found: Command) -> str:
    """The role that a command needs, as people read it."""
    if found.needs in (Role.MEMBER, Role.ADMIN):
        return {Role.MEMBER: "anyone with a key", Role.ADMIN: "an admin"}[found.needs]
    return f"{found.needs.word} of the app"


COMMANDS: dict[str, Command] = {}
"""By name, aliases included."""
Register = Callable[[Function], Function]


def _as_typed(parameters: Sequence[click.Parameter]) -> Detail:
    """Without the app, which has a column of its own, and without what may be a pasted key."""

    def detail(values: Mapping[str, Any]) -> str:
        words: list[str] = []
        for each in parameters:
            value = values[str(each.name)]
            if not value or each.name == "app":
                continue
            if isinstance(each, click.Option):
                words.append(each.opts[-1])
            if value is not True:
                words.extend(map(str, value) if isinstance(value, tuple) else [str(value)])
        masked = ("…" if "PRIVATE" in word or len(word) > LONGEST_WORD else word for word in words)
        return " ".join(masked)

    return detail


def command(
    name: str,
    *parameters: click.Parameter,
    section: str,
    needs: Role,
    changes: bool = False,
    aliases: Sequence[str] = (),
    detail: Detail | None = None,
    ends_with_client: bool | None = None,
) -> Register:
    """Register a coroutine `(caller, **parameters)` under its name.

    An argument of the name `app` is the app that the audit log names. detail: say so when
    a parameter may hold a secret. ends_with_client: it is cancelled when its client hangs up
    or loses the role it needs; unless given, what changes something runs to its end.
    """
    ends = not changes if ends_with_client is None else ends_with_client

    def register(function: Function) -> Function:
        for each in (name, *aliases):
            COMMANDS[each] = Command(
                each,
                function,
                parameters,
                section,
                needs,
                changes,
                detail or _as_typed(parameters),
                alias_of=None if each == name else name,
                ends_with_client=ends,
            )
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


SHORTHANDS = {"--help": "help", "-h": "help", "--version": "version"}
LONGEST_GUESS = 40
LONGEST_WORD = 100
"""Of a parameter, in the audit log."""
MOST_WORDS = 1000
LONGEST_USAGE_ERROR = 300
WIDTH = 80


async def run_command(platform: Platform, user: User, argv: list[str], streams: Streams) -> int:
    """Run one admin command; returns its exit code. Nothing is written but to its session."""
    name, *arguments = argv if argv[0] != "--" else argv[1:] or ["help"]
    name = SHORTHANDS.get(name, name)
    noun, _, verb = name.rpartition(":")
    if verb == "help" and noun_commands(noun) and name not in COMMANDS:
        name, arguments = "help", [noun]
    found = COMMANDS.get(name)
    if found is None:
        refuse_command(streams, name, near(name))
        return NOT_FOUND
    if len(arguments) > MOST_WORDS:  # click's time grows with their square
        raise UsageError(
            f"{len(arguments)} words after the command: {MOST_WORDS} are allowed",
            f"`{found.name} --help` explains it. Many variables: config:import APP < .env",
        )
    caller = Caller(platform, user, streams)
    with _usage_errors(found):
        try:
            context = found.make_context(name, arguments, obj=caller, terminal_width=_width(caller))
        except click.exceptions.Exit as exit_:
            return exit_.exit_code
        return await _run(found, caller, context.params)


async def _run(found: Command, caller: Caller, parameters: dict[str, Any]) -> int:
    app = str(parameters.get("app") or "")
    audited = events.recorded(
        caller.platform,
        caller.user,
        action=found.proper_name,
        app=app,
        detail=found.detail(parameters),
        refusals_only=not found.changes,
    )
    async with audited as entry:
        caller = replace(caller, entry=entry)
        work = _code(found.function(caller, **parameters))
        if found.ends_with_client:
            work = while_allowed(caller, work, found.needs)
        code = await work
        if code:
            entry.result = f"exit code {code}"
    return code


async def while_allowed(caller: Caller, work: Coroutine[Any, Any, T], needs: Role) -> T:
    """Run `work` while the client is there and has this role with the command's app.

    Raises ClientGoneError, ForbiddenError.
    """
    left, entry = caller.streams.wait_closed, caller.entry
    return await guarded(
        work, left, caller.platform, caller.user, entry.app, entry.project_id, needs
    )


async def _code(running: Awaitable[int | None]) -> int:
    return await running or 0


def noun_commands(noun: str) -> list[Command]:
    """The commands of a noun, `ps` and `ps:scale` for `ps`, by name; aliases are left out."""
    proper = (each for each in COMMANDS.values() if not each.alias_of)
    return sorted(
        (each for each in proper if str(each.name).partition(":")[0] == noun),
        key=lambda each: str(each.name),
    )


def near(name: str) -> list[str]:
    """Up to three commands that may have been meant; a noun alone may mean any of its own."""
    if len(name) > LONGEST_GUESS:
        return []
    guesses = difflib.get_close_matches(name, COMMANDS, n=6, cutoff=0.7)
    proper = dict.fromkeys(COMMANDS[each].proper_name for each in guesses)
    return list(proper)[:3] or [str(each.name) for each in noun_commands(name)][:3]


def _width(caller: Caller) -> int:
    return min(max(caller.streams.width, 40), WIDTH) if caller.streams.width else WIDTH


@contextmanager
def _usage_errors(found: Command) -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        context = error.ctx or click.Context(found, info_name=found.name)
        usage = " ".join([str(found.name), *found.collect_usage_pieces(context)])
        raise UsageError(
            error.format_message()[:LONGEST_USAGE_ERROR],
            f"Usage: {usage}\n`{found.name} --help` explains it.",
        ) from error
