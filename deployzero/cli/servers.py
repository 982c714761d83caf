"""`deployzero servers`: those that this computer is signed in to."""

import click

from deployzero.cli.output import listing
from deployzero.cli.target import JSON
from deployzero.client import accounts
from deployzero.client.addresses import server_url
from deployzero.errors import UsageError


@click.command()
@click.argument("url", required=False, metavar="[URL]")
@JSON
def servers(url: str | None, as_json: bool) -> None:
    """List the servers that you are signed in to; with URL, make that one the default.

    The default is for folders that are not linked to an app, unless DEPLOYZERO_SERVER is set.
    """
    if url is not None:
        _choose(server_url(url))
        return
    known = list(accounts.load().accounts.values())
    rows = [
        {"server": each.server, "user": each.user or None, "default": each is known[-1]}
        for each in known
    ]
    listing(
        rows,
        {"SERVER": "server", "USER": "user", "DEFAULT": "default"},
        as_json,
        empty="You have not signed in: deployzero login --server URL",
    )


def _choose(url: str) -> None:
    with accounts.changing() as config:
        if url not in config.accounts:
            raise UsageError(f"you have not signed in to {url}", f"deployzero login --server {url}")
        config.add(config.accounts[url])
    click.echo(f"=====> {url} is the default now")
