"""events: the audit log."""

from dataclasses import asdict
from typing import Any

import click

from deployzero.models.access import Role
from deployzero.models.event import Event
from deployzero.operations import events
from deployzero.ssh.commands.render import listing, print_json
from deployzero.ssh.commands.tree import JSON, Caller, command

MAYBE_APP = click.Argument(["app"], required=False)
TAIL = click.Option(["-t", "--tail"], is_flag=True, help="Go on with new ones as they come.")
MOST = click.Option(
    ["-n", "--num", "most"],
    type=click.IntRange(1, events.MOST),
    metavar="N",
    default=50,
    show_default=True,
    help="How many.",
)


@command("events", MAYBE_APP, TAIL, MOST, JSON, section="Platform", needs=Role.MEMBER)
async def show_events(
    caller: Caller, app: str | None, tail: bool, most: int, as_json: bool
) -> None:
    """Show who did what, when, and how it ended.

    Admins see everything, others what concerns the apps that they may see. Refusals are in
    it too. With -t and --json each event is an object on a line of its own.
    """
    if tail:
        async for event in events.follow_events(caller.platform, caller.user, app, most):
            if as_json:
                print_json(caller, asdict(event))
            else:
                caller.print(_line(event))
            await caller.streams.stdout.drain()
        return
    listed = await events.list_events(caller.platform, caller.user, app, most)
    columns: dict[str, Any] = {
        "WHEN": "at",
        "WHO": lambda row: row["user"] or "deployzero",
        "KEY": lambda row: row["key_fingerprint"][:15],
        "ACTION": "action",
        "APP": "app",
        "DETAIL": "detail",
        "RESULT": "result",
    }
    listing(caller, [asdict(event) for event in listed], columns, as_json, empty="Nothing yet.")


def _line(event: Event) -> str:
    when = event.at.strftime("%Y-%m-%d %H:%M:%S")
    who = f"{event.user or 'deployzero'} {event.key_fingerprint[:15] or '-'}"
    what = " ".join(filter(None, [event.action, event.app, event.detail]))
    return f"{when} {who} {what}: {event.result}"
