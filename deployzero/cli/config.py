"""`deployzero config`: an app's variables, or with --global those of every app."""

import json
import sys
from typing import Any

import click

from deployzero.cli.change import DETACH, finish
from deployzero.cli.commands import Verbs
from deployzero.cli.output import clean, listing
from deployzero.cli.target import APP, JSON, SERVER, app_path, connect, inherited
from deployzero.client.api import API
from deployzero.errors import NotFoundError, UsageError

MASK = "********"
MOST_STDIN = 128 * 1024
GLOBAL = click.option(
    "--global", "everywhere", is_flag=True, callback=inherited, help="Of every app; for admins."
)
BUILD = click.option("--build", is_flag=True, help="Builds get them too: the app is built again.")
NO_RESTART = click.option("--no-restart", is_flag=True, help="Only store it, for the next release.")


@click.group(cls=Verbs, invoke_without_command=True)
@APP
@GLOBAL
@SERVER
@click.option("--reveal", is_flag=True, help="Show the values; for owners.")
@JSON
@click.pass_context
def config(
    context: click.Context,
    app: str | None,
    everywhere: bool,
    server: str | None,
    reveal: bool,
    as_json: bool,
) -> None:
    """List the variables, their values masked; get, set and unset them.

    FROM says whose a variable is: the app's, or of every app. RUNNING says whether the
    live containers have this value already.
    """
    if context.invoked_subcommand is not None:
        return
    with connect(server) as api:
        found = api.get(_path(app, everywhere), params={"reveal": reveal})
    columns = {"NAME": "name", "VALUE": "value", "BUILD": "build", "FROM": "from"}
    if not everywhere:
        columns["RUNNING"] = "running"
    listing(
        found if as_json else [_row(each) for each in found],
        columns,
        as_json,
        empty="Nothing is set: deployzero config set NAME=value",
    )


@config.command("get")
@click.argument("name")
@APP
@GLOBAL
@SERVER
def get(name: str, app: str | None, everywhere: bool, server: str | None) -> None:
    """Print one variable's value; for owners."""
    with connect(server) as api:
        found = api.get(_path(app, everywhere), params={"reveal": True})
    values = {each["name"]: str(each["value"]) for each in found}
    if name not in values:
        raise NotFoundError(f"there is no variable {name}", "`deployzero config` shows what is.")
    value = values[name]
    if sys.stdout.isatty():  # a program gets it as it is
        value = "\n".join(clean(line.expandtabs()) for line in value.splitlines())
    click.echo(value)


@config.command("set")
@click.argument("words", nargs=-1, required=True, metavar="NAME=value…")
@BUILD
@NO_RESTART
@DETACH
@APP
@GLOBAL
@SERVER
def set_(
    words: tuple[str, ...],
    build: bool,
    no_restart: bool,
    detach: bool,
    app: str | None,
    everywhere: bool,
    server: str | None,
) -> None:
    """Set variables, in one new release of the same image.

    It goes live with zero downtime. A NAME alone is asked for, or, without a terminal, is
    standard input less one newline at its end: so a secret stays out of your shell's history.
    """
    path = _path(app, everywhere)
    values = dict(_pair(word, alone=len(words) == 1) for word in words)
    change = {"set": values, "build": build, "restart": not no_restart}
    with connect(server) as api:
        _change(api, path, change, detach)


@config.command("unset")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@NO_RESTART
@DETACH
@APP
@GLOBAL
@SERVER
def unset(
    names: tuple[str, ...],
    no_restart: bool,
    detach: bool,
    app: str | None,
    everywhere: bool,
    server: str | None,
) -> None:
    """Drop variables, in one new release."""
    path = _path(app, everywhere)
    with connect(server) as api:
        _change(api, path, {"unset": list(names), "restart": not no_restart}, detach)


def _change(api: API, path: str, change: dict[str, Any], detach: bool) -> None:
    done = api.patch(path, change)
    if not done["changed"]:
        click.echo("Nothing was changed: it is so already.")
        return
    if done["deployment"] is None:
        click.echo(f"-----> Changed: {clean(', '.join(done['changed']))}")
        click.echo(f"       {clean(done['effect'])}")
        return
    finish(api, done["deployment"], detach)


def _pair(word: str, alone: bool) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if equals:
        return name, value
    if sys.stdin.isatty():
        return name, str(click.prompt(f"{clean(name)} (hidden)", hide_input=True, err=True))
    if not alone:  # a piece of a value, maybe: it is not repeated
        raise UsageError("a word has no '='", "Quote values with blanks: 'NAME=a b'")
    text = sys.stdin.read(MOST_STDIN + 1)
    if not text or len(text) > MOST_STDIN:
        raise UsageError(
            f"standard input is {'too large' if text else 'empty'}",
            f"{name}=value sets it; `{name}=` sets it to nothing.",
        )
    return name, text.removesuffix("\n").removesuffix("\r" * text.endswith("\r\n"))


def _path(app: str | None, everywhere: bool) -> str:
    if app and everywhere:
        raise UsageError("which config?", "Name an app or --global, not both.")
    return "/config" if everywhere else f"{app_path(app)}/config"


def _row(variable: dict[str, Any]) -> dict[str, Any]:
    value = variable["value"]
    if value is None:
        value = MASK
    elif not value or not value.isprintable():
        value = json.dumps(value)
    return {**variable, "value": value, "from": "every app" if variable["of_every_app"] else "app"}
