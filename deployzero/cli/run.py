"""`deployzero run`."""

import shlex
import sys

import click

from deployzero.cli.output import clean
from deployzero.cli.target import APP, SERVER, app_path, connect
from deployzero.client import running, terminal
from deployzero.errors import UsageError

NOT_RUN = {126: "cannot be executed", 127: "is not in the image"}
"""What an exit code says of the program, in every shell and in tini."""
WORDS = click.argument("words", nargs=-1, required=True, metavar="COMMAND...")


@click.command(context_settings={"allow_interspersed_args": False})
@APP
@SERVER
@click.option("--no-tty", is_flag=True, help="No terminal, though you sit at one.")
@click.option("--no-entrypoint", is_flag=True, help="Without your own Dockerfile's ENTRYPOINT.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait: print its name.")
@WORDS
def run(
    app: str | None,
    server: str | None,
    no_tty: bool,
    no_entrypoint: bool,
    detach: bool,
    words: tuple[str, ...],
) -> None:
    """Run a command in a fresh container of what is live.

    With a terminal if you sit at one; else standard input is piped to it. Several words reach
    the program as they are; one word is a name of the Procfile, or, with blanks in it, a line
    for a shell. It ends when the connection does. The exit code is the command's.

    Options go before the command: deployzero run -a hello ls -a
    """
    path = _path(app, words)
    with connect(server) as api:
        if detach:
            told = {"command": words, "entrypoint": not no_entrypoint}
            name = clean(api.post(f"{path}/runs", told)["name"])
            click.echo(name)
            click.echo(f"       deployzero logs -t -p {name}", err=True)
            return
        account = api.account
    code = running.run(
        account,
        f"{path}/run",
        words,
        terminal=None if no_tty or not terminal.there() else terminal.kind(),
        entrypoint=not no_entrypoint,
    )
    if code in NOT_RUN and len(words[0].split()) == 1:  # else it was a shell, which has told
        click.echo(f" !     {words[0]}, or a program that it calls, {NOT_RUN[code]}.", err=True)
        click.echo(" !     A shell's line is one word: deployzero run 'a | b'", err=True)
    sys.exit(code)


def _path(app: str | None, words: tuple[str, ...]) -> str:
    """Raises UsageError, with a word to who names the app behind the command."""
    try:
        return app_path(app)
    except UsageError as error:
        at = next((n for n, word in enumerate(words) if n and word in ("-a", "--app")), None)
        if at is None or len(words) < at + 2:
            raise
        line = shlex.join([words[at + 1], *words[:at], *words[at + 2 :]])
        raise UsageError(
            error.message, f"Options go before the command: deployzero run -a {line}"
        ) from error
