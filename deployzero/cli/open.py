"""`deployzero open`."""

import click

from deployzero.cli.output import clean
from deployzero.cli.target import SERVER, app_path, connect, one_app


@click.command()
@one_app
@SERVER
@click.option("--print", "only_print", is_flag=True, help="Only print its address.")
def open(app: str | None, server: str | None, only_print: bool) -> None:
    """Open an app in your browser, and print its address."""
    path = app_path(app)
    with connect(server) as api:
        url = clean(api.get(path)["url"])
    click.echo(url)
    if not only_print and url.startswith(("http://", "https://")):
        click.launch(url)
