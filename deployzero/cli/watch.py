"""Watch a deployment to its end, as a push does; Ctrl-C may leave it running."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from deployzero.cli.commands import hint_here
from deployzero.cli.output import clean
from deployzero.client.api import API
from deployzero.client.following import Ended, Line, follow
from deployzero.errors import ConflictError

HINT = " !     "
"""How the server's own words of a failure begin."""
INTERRUPTED = 130
NOT_LIVE = 1


def watch(api: API, deployment: Mapping[str, Any], as_json: bool = False) -> None:
    """Print its log as it comes, then its URL; the process exits 1 unless it went live.

    deployment: as the API shows it. as_json: the log goes to standard error, and how it ended
    to standard output, as the API shows it.
    """
    number, out = int(deployment["id"]), _Printed(as_json)
    ended = _to_the_end(api, number, out)
    if as_json:
        click.echo(json.dumps(api.get(f"/deployments/{number}"), indent=2))
    elif ended.live and ended.url not in out.last:
        click.echo(clean(ended.url))
    if not ended.live:
        if ended.reason and ended.reason not in out.all:
            click.echo(f" !     {clean(ended.reason)}", err=True)
        raise SystemExit(NOT_LIVE)


def detached(deployment: Mapping[str, Any], as_json: bool = False) -> None:
    """Say of what goes on by itself how to see it."""
    if as_json:
        click.echo(json.dumps(deployment, indent=2))
        return
    app, number = clean(str(deployment["project_name"])), deployment["id"]
    click.echo(f"-----> Deployment {number} of {app} is {clean(str(deployment['state']))}")
    click.echo(f"       deployzero logs --deployment {number} -t")
    click.echo(f"       Stop it: deployzero cancel {number}")


class _Printed:
    """What the log has said so far."""

    def __init__(self, on_error: bool) -> None:
        self.on_error = on_error
        self.seq = 0
        self.last = ""
        self.all = ""

    def __call__(self, line: Line) -> None:
        text = clean(line.text)
        shown = hint_here(text) if text.startswith(HINT) else text
        click.echo(shown, err=self.on_error)
        self.seq, self.last = line.seq, text
        self.all = (self.all + text + "\n")[-20_000:]


def _to_the_end(api: API, number: int, out: _Printed) -> Ended:
    cancelled = False
    while True:
        try:
            return _follow(api, number, out)
        except KeyboardInterrupt:
            if cancelled or _leaves_it():
                _say(f"It goes on: deployzero logs --deployment {number} -t")
                _say(f"Stop it: deployzero cancel {number}")
                raise SystemExit(INTERRUPTED) from None
            cancelled = True
            _cancel(api, number)


def _follow(api: API, number: int, out: _Printed) -> Ended:
    for each in follow(api, number, out.seq, _say_away):
        if isinstance(each, Ended):
            return each
        out(each)
    raise AssertionError("a log that is followed ends with how it ended")


def _leaves_it() -> bool:
    """Asked on a terminal; a second Ctrl-C is a no, and elsewhere nobody is asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    try:
        return click.confirm("\nLeave it running?", default=True, err=True)
    except click.Abort:
        click.echo(err=True)
        return False


def _cancel(api: API, number: int) -> None:
    _say("Stopping it")
    try:
        api.post(f"/deployments/{number}/cancel")
    except ConflictError as error:  # it was quicker
        _say(error.message)


def _say_away(why: str) -> None:
    _say(f"{why}; waiting for the server")


def _say(text: str) -> None:
    click.echo(f" !     {clean(text)}", err=True)
