"""Where the pages join the server's own HTTP door."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from deployzero.pages import (
    accounts,
    app,
    cli_login,
    deployment,
    home,
    missing,
    reference,
    static_files,
)

PAGES = (home, accounts, cli_login, deployment, app, reference, static_files, missing)


def mount(door: Starlette, on_this_machine: Callable[[HTTPConnection], bool]) -> None:
    """Add the pages to the app that has `state.platform`.

    on_this_machine: whether the server's own machine asks, by a name that is its own.
    """
    door.state.on_this_machine = on_this_machine
    door.state.pages_closing = False
    for each in PAGES:
        door.router.routes.extend(each.ROUTES)


def close(door: Starlette) -> None:
    """End the streams: the server is about to stop, and browsers come back to the next one."""
    door.state.pages_closing = True
