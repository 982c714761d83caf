"""The `deployzero` command: commands found by name, errors rendered once."""

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from deployzero import __version__
from deployzero.cli.commands import (
    ACCOUNT,
    APPS,
    COMMANDS,
    POINTERS,
    SERVER,
    as_here,
    hint_here,
    unknown,
)
from deployzero.errors import DeployZeroException

FAILED, INTERRUPTED = 1, 130
UNREAD = 141
"""As of git and others whose reader goes away (`deployzero logs | head`), which is no failure
of theirs; it is not 0, by which `deploy` says that all is live."""
MISREAD = (AttributeError, LookupError, TypeError, ValueError)
"""What ends a command that works on an answer of another shape than it expects."""


class _Group(click.Group):
    """Render our own errors as the push does: one line, then what to do."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (section, _) in COMMANDS.items() if section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        try:
            found = getattr(importlib.import_module(f"deployzero.cli.{name}"), name)
        except ModuleNotFoundError as error:
            section, _ = COMMANDS[cmd_name]
            if section in (SERVER, "") and not (error.name or "").startswith("deployzero"):
                raise DeployZeroException(
                    f"`deployzero {cmd_name}` needs the server's parts ({error.name})",
                    "pip install 'deployzero[server]'",
                ) from error
            raise
        assert isinstance(found, click.Command)  # noqa: S101 - for mypy
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """By the table: completing a name is to load no command."""
        found = [
            CompletionItem(name, help=text)
            for name, (section, text) in COMMANDS.items()
            if section and name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in (APPS, ACCOUNT, SERVER):
            rows = [(name, text) for name, (of, text) in COMMANDS.items() if of == section]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, as_here(args))
        except click.UsageError:
            pointer = POINTERS.get(args[0], "")
            raise unknown(args[0], self.list_commands(ctx), pointer, ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DeployZeroException as error:
            show(error)
            sys.exit(FAILED)
        except MISREAD:
            section, _ = COMMANDS.get(ctx.invoked_subcommand or "", ("", ""))
            if section not in (APPS, ACCOUNT):
                raise
            show(_not_understood())
            sys.exit(FAILED)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the last flush
            sys.exit(UNREAD)
        except KeyboardInterrupt:
            click.echo(err=True)
            sys.exit(INTERRUPTED)
        except click.Abort as abort:  # at a prompt
            if not isinstance(abort.__context__, KeyboardInterrupt):
                raise
            click.echo(err=True)
            sys.exit(INTERRUPTED)


def _not_understood() -> DeployZeroException:
    """In the place of the exception that is being handled."""
    debug = os.environ.get("DEPLOYZERO_DEBUG")
    return DeployZeroException(
        "the server answered something that this version does not understand",
        f"Here is deployzero {__version__}; on the server ask `deployzero --version`."
        + ("" if debug else "\nDEPLOYZERO_DEBUG=1 shows where it ended."),
        traceback.format_exc().splitlines() if debug else (),
    )


def show(error: DeployZeroException) -> None:
    """Its parts may come from a server: what would steer a terminal stays out."""
    from deployzero.cli.output import clean

    for line in error.detail:
        click.echo(f"       {clean(line)}", err=True)
    for line in (error.message, *hint_here(error.hint).splitlines()):
        click.echo(f" !     {clean(line)}", err=True)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="deployzero")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The server's TOML file of settings; the environment's DEPLOYZERO_* stand over it.",
)
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """deployzero: git push to your own server, and the app is live."""
    context.obj = config
    if os.environ.get("NO_COLOR"):
        context.color = False
