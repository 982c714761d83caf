"""`deployzero ps`."""

from typing import Any

import click

from deployzero.cli.output import clean, listing, print_json, when
from deployzero.cli.scale import tell_idle
from deployzero.cli.target import JSON, SERVER, app_path, connect, one_app
from deployzero.client.api import API, UnavailableError


@click.command()
@one_app
@SERVER
@JSON
def ps(app: str | None, server: str | None, as_json: bool) -> None:
    """Show an app's processes, how they are and what they use."""
    path = app_path(app)
    with connect(server) as api:
        found = _found(api, f"{path}/processes")
        if as_json:
            print_json(found)
            return
        about = api.get(path)
        formation = api.get(f"{path}/formation") if about["release"] else {}
    release = f"v{about['release']}" if about["release"] else "-"
    click.echo(clean(f"{about['project_name']} {release} {about['url']}"))
    if about["stopped"]:
        click.echo("It is stopped: `deployzero start` runs it again.")
    if about["locked_by"]:
        click.echo(f"It is locked by {clean(about['locked_by'])}.")
    columns = {
        "PROCESS": "name",
        "HEALTH": "health",
        "SINCE": "since",
        "RESTARTS": "restarts",
        "MEMORY": "memory",
        "CPUS": "cpu",
    }
    nothing = "Nothing runs." if about["release"] else "It is not deployed yet."
    if found["processes"] or not about["stopped"]:
        listing([_row(each) for each in found["processes"]], columns, False, empty=nothing)
    if not about["stopped"]:
        tell_idle(formation)


def _found(api: API, path: str) -> Any:
    """An engine that cannot be asked what they use is no reason to tell nothing."""
    try:
        return api.get(path, params={"usage": True})
    except UnavailableError as error:
        found = api.get(path)
        click.echo(f" !     {clean(error.message)}", err=True)
        return found


def _row(process: dict[str, Any]) -> dict[str, Any]:
    used = process.get("usage") or {}
    memory, cpus = used.get("memory_bytes"), used.get("cpus")
    return {
        **process,
        "name": f"{process['process']}.{process['index']}",
        "since": when(process["started_at"]),
        "memory": f"{_size(memory)} of {_size(process['memory_bytes'])}",
        "cpu": f"{'-' if cpus is None else f'{cpus:.2f}'} of {process['cpus']:g}",
    }


def _size(size_bytes: int | None) -> str:
    """As docker writes it, to the megabyte."""
    if size_bytes is None:
        return "-"
    if size_bytes and size_bytes % (1 << 30) == 0:
        return f"{size_bytes >> 30}g"
    return f"{-(-size_bytes >> 20)}m"
