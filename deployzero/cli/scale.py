"""`deployzero scale`."""

from collections.abc import Mapping

import click

from deployzero.cli.change import DETACH, finish
from deployzero.cli.output import clean, listing, print_json
from deployzero.cli.target import APP, JSON, SERVER, app_path, connect
from deployzero.errors import UsageError


@click.command()
@click.argument("counts", nargs=-1, metavar="[APP] [PROCESS=COUNT]...")
@APP
@SERVER
@DETACH
@JSON
def scale(
    counts: tuple[str, ...], app: str | None, server: str | None, detach: bool, as_json: bool
) -> None:
    """Run so many of each process: web=2 worker=1. Without counts, show them."""
    if counts and app is None and "=" not in counts[0]:
        app, *rest = counts
        counts = tuple(rest)
    path = f"{app_path(app)}/formation"
    wanted = dict(_count(text) for text in counts)
    with connect(server) as api:
        if wanted:
            finish(api, api.patch(path, wanted), detach)
            return
        formation = api.get(path)
    if as_json:
        print_json(formation)
        return
    rows = [{"process": process, "count": count} for process, count in formation.items()]
    listing(rows, {"PROCESS": "process", "COUNT": "count"}, as_json=False)


def tell_idle(formation: Mapping[str, int]) -> None:
    """Of what the app has, and nobody runs: a worker, until it is scaled."""
    for process, count in formation.items():
        if count == 0:
            name = clean(process)
            click.echo(f"{name}: 0 of it run, `deployzero scale {name}=1` starts one")


def _count(text: str) -> tuple[str, int]:
    process, _, count = text.partition("=")
    if not process or not count.isascii() or not count.isdigit() or len(count) > 9:
        raise UsageError(f"{text[:60]!r} is no PROCESS=COUNT", "As in: deployzero scale web=2")
    return process, int(count)
