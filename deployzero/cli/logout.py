"""`deployzero logout`."""

import click

from deployzero.cli.target import SERVER, account
from deployzero.client import accounts
from deployzero.client.addresses import server_url
from deployzero.client.api import API, UnavailableError
from deployzero.errors import UnauthenticatedError, UsageError


@click.command()
@SERVER
def logout(server: str | None) -> None:
    """Sign this computer out: its key stops working, and is forgotten here."""
    config = accounts.load()
    found = config.accounts.get(server_url(server) if server else account(config, None).server)
    if found is None:
        raise UsageError(
            f"you have not signed in to {server}" if server else "you have not signed in"
        )
    why = ""
    try:
        with API(found) as api:
            api.post("/auth/logout")
    except UnauthenticatedError:
        why = "The key was not valid any more."
    except UnavailableError as error:
        why = f"{error.message}: the key is forgotten here, and there it goes on until it expires."
    with accounts.changing() as config:
        config.accounts.pop(found.server, None)  # which folder is which app stays known
    click.echo(f"Signed out of {found.server}")
    if why:
        click.echo(f" !     {why}", err=True)
