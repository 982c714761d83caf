"""`deployzero whoami`."""

import click

from deployzero.cli.output import fields, print_json
from deployzero.cli.target import JSON, SERVER, connect
from deployzero.client import accounts


@click.command()
@SERVER
@JSON
def whoami(server: str | None, as_json: bool) -> None:
    """Show who you are, where, and what your key may do."""
    with connect(server) as api:
        me = api.get("/auth/me")
    if as_json:
        print_json({**me, "server": {**me["server"], "address": api.account.server}})
        return
    others = len(accounts.load().accounts.keys() - {api.account.server})
    several = f" (and {others} more: deployzero servers)" if others else ""
    scope = me["scope"] + (f", of {me['project_name']} alone" if me["project_name"] else "")
    fields(
        {
            "user": me["username"],
            "role": me["role"],
            "scope": scope,
            "server": api.account.server + several,
            "version": me["server"]["version"],
        }
    )
