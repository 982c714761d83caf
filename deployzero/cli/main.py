"""The `deployzero` command: commands found by name, errors rendered once."""

import difflib
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from deployzero import __version__
from deployzero.errors import DeployZeroException

APPS, ACCOUNT, SERVER = "Apps", "Your account", "The server"
COMMANDS: dict[str, tuple[str, str]] = {
    "deploy": (APPS, "Deploy a folder, git or not."),
    "status": (APPS, "Show what is live and how it is."),
    "apps": (APPS, "List your apps."),
    "create": (APPS, "Make an app."),
    "destroy": (APPS, "Remove an app for good."),
    "open": (APPS, "Open an app in your browser."),
    "logs": (APPS, "Print what an app, or a deployment, printed."),
    "run": (APPS, "Run a command beside an app."),
    "enter": (APPS, "Open a shell in a running container."),
    "ps": (APPS, "Show an app's processes and what they use."),
    "scale": (APPS, "Run more or fewer of a process."),
    "restart": (APPS, "Replace an app's containers."),
    "stop": (APPS, "End an app's processes."),
    "start": (APPS, "Run a stopped app again."),
    "config": (APPS, "List, get, set and unset variables."),
    "domains": (APPS, "List, add and remove host names."),
    "releases": (APPS, "List an app's releases."),
    "rollback": (APPS, "Run an older release again."),
    "access": (APPS, "Share an app with others."),
    "events": (APPS, "Show who did what."),
    "link": (APPS, "Say which app this folder is."),
    "login": (ACCOUNT, "Sign in to a server."),
    "logout": (ACCOUNT, "Sign this computer out."),
    "whoami": (ACCOUNT, "Show who you are and where."),
    "keys": (ACCOUNT, "List, make, add and remove API keys and SSH keys."),
    "completion": (ACCOUNT, "Print your shell's completion."),
    "up": (SERVER, "Start the server here, in the foreground."),
    "serve": (SERVER, "Start the server for systemd and its like."),
    "down": (SERVER, "End what `up` left running."),
    "doctor": (SERVER, "Check this machine and say how to mend it."),
    "detect": (SERVER, "Print how a folder would be built and run."),
    "restore": (SERVER, "Restore a backup."),
    "post-receive": ("", ""),
    "reference": ("", ""),
}
"""By name: section and help, so that the list of all loads none of them. Each is the attribute
of its own name in the file of its own name; without a section it is hidden."""


FAILED, INTERRUPTED = 1, 130
MISREAD = (AttributeError, LookupError, TypeError, ValueError)
"""What ends a command that works on an answer of another shape than it expects."""

GROUPS = frozenset({"access", "config", "domains", "keys"})


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
            return super().resolve_command(ctx, [*_as_here(args[0]), *args[1:]])
        except click.UsageError:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=3)
            raise click.UsageError(
                f"No such command '{args[0]}'."
                + (f" Did you mean {' or '.join(near)}?" if near else ""),
                ctx,
            ) from None

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
    for line in (error.message, *error.hint.splitlines()):
        click.echo(f" !     {clean(line)}", err=True)


def _as_here(name: str) -> list[str]:
    """`config:set` is `config set` and `ps:scale` is `scale`: as hints and Heroku have them."""
    noun, colon, verb = name.partition(":")
    if colon and noun in COMMANDS:
        if verb in ("list", "show", "report"):
            return [noun]
        if noun in GROUPS:
            return [noun, verb]
        if verb in COMMANDS:
            return [verb]
    return [name]


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
