"""`deployzero logs`."""

import json
import sys

import click

from deployzero.cli.output import clean, print_json
from deployzero.cli.target import JSON, SERVER, app_path, connect, one_app
from deployzero.cli.watch import INTERRUPTED, watch
from deployzero.client import following, runtime_logs
from deployzero.client.api import API

LINES, MOST = 100, 10_000
COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red")
"""A process has the same one always."""


@click.command()
@one_app
@SERVER
@click.option("-t", "-f", "--tail", "--follow", "tail", is_flag=True, help="Go on as it comes.")
@click.option(
    "-n", "--lines", "--num", "lines", type=click.IntRange(0, MOST), default=LINES, metavar="N",
    help=f"Lines to begin with; {LINES} if not given.",
)  # fmt: skip
@click.option(
    "-p", "--process", "--ps", "process", metavar="NAME", help="Only `web`, or only `web.1`."
)
@click.option("-q", "--quiet", is_flag=True, help="Without times and names.")
@click.option(
    "--deployment", type=click.IntRange(1), metavar="ID", help="A deployment's own log instead."
)
@JSON
def logs(
    app: str | None,
    server: str | None,
    tail: bool,
    lines: int,
    process: str | None,
    quiet: bool,
    deployment: int | None,
    as_json: bool,
) -> None:
    """Print what an app printed, of replaced containers too.

    Or a deployment's log, to its end; with -t the exit status tells then how it ended.
    """
    try:
        with connect(server) as api:
            if deployment is not None:
                _print_deployment(api, deployment, tail, as_json)
                return
            path = f"{app_path(app)}/logs"
            if tail:
                for line in runtime_logs.follow(api, path, lines, process, _away):
                    click.echo(json.dumps(line) if as_json else _text(line, quiet))
                return
            found = runtime_logs.recent(api, path, lines, process)
    except KeyboardInterrupt:  # how one leaves it
        sys.exit(INTERRUPTED)
    if as_json:
        print_json(found)
        return
    for line in found:
        click.echo(_text(line, quiet))


def _print_deployment(api: API, number: int, tail: bool, as_json: bool) -> None:
    if tail and not as_json:
        watch(api, {"id": number})
        return
    for each in following.follow(api, number, away=_away):
        if isinstance(each, following.Line):
            told = {"seq": each.seq, "data": each.text}
            click.echo(json.dumps(told) if as_json else clean(each.text))


def _text(line: runtime_logs.Line, quiet: bool) -> str:
    if "skipped" in line:
        return f"… {int(line['skipped'])} lines skipped: more came than could be shown"
    text = clean(str(line["data"]))
    if quiet:
        return text
    source = clean(str(line["source"]))
    name = click.style(f"app[{source}]:", fg=COLOURS[sum(source.encode()) % len(COLOURS)])
    return f"{clean(str(line['at']))[:23]}Z {name} {text}"


def _away(why: str) -> None:
    click.echo(f" !     {clean(why)}; waiting for the server", err=True)
