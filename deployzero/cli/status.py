"""`deployzero status`."""

from pathlib import Path
from typing import Any

import click

from deployzero.cli.apps import show as show_apps
from deployzero.cli.output import clean, fields, listing, print_json, when
from deployzero.cli.scale import tell_idle
from deployzero.cli.target import JSON, SERVER, app_path, connect, one_app
from deployzero.client import accounts, folders
from deployzero.client.api import API

FAILED = ("error", "cancelled")
UNDER_WAY = ("created", "building", "deploying")


@click.command()
@one_app
@SERVER
@JSON
def status(app: str | None, server: str | None, as_json: bool) -> None:
    """Show what is live and how it is; without an app, who you are and your apps."""
    known = app or folders.find(accounts.load(), Path.cwd()) is not None
    with connect(server) as api:
        if known:
            _show_app(_app(api, app), as_json)
        else:
            _show_server(api, as_json)


def _app(api: API, app: str | None) -> dict[str, Any]:
    path = app_path(app)
    found: dict[str, Any] = api.get(path)
    last = api.get(f"{path}/deployments", params={"limit": 1})
    found["processes"] = api.get(f"{path}/processes")["processes"]
    found["formation"] = api.get(f"{path}/formation") if found["live"] else {}
    found["last_deployment"] = last[0] if last else None
    return found


def _show_app(app: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(app)
        return
    told = {"app": app["project_name"], "url": app["url"], "live": _live(app)}
    if app["domains"]:
        told["domains"] = app["domains"]
    if app["locked_by"]:
        told["locked"] = f"by {app['locked_by']}: no new release until it is unlocked"
    fields({**told, "owner": app["owner"], "git remote": app["git_remote"]})
    if app["processes"]:
        click.echo()
        listing(
            [{**each, "name": f"{each['process']}.{each['index']}"} for each in app["processes"]],
            {"PROCESS": "name", "HEALTH": "health", "STATUS": "status", "RESTARTS": "restarts"},
            as_json=False,
        )
    if not app["stopped"]:
        tell_idle(app["formation"])
    if app["last_deployment"]:
        _show_last(app["last_deployment"])


def _live(app: dict[str, Any]) -> str:
    live = app["live"]
    if live is None:
        return "nothing yet: deployzero deploy, or git push"
    since = when(live["finished_at"] or live["created_at"])
    shown = f"v{live['release']} since {since} UTC, by {live['user']}: {live['message']}"
    shown += f" ({live['commit'][:7]})"
    return f"stopped (deployzero start); was {shown}" if app["stopped"] else shown


def _show_last(last: dict[str, Any]) -> None:
    """When there is something to say: it failed, or is under way."""
    number, kind = last["id"], clean(str(last["kind"]))
    if last["state"] in FAILED:
        how = "failed" if last["state"] == "error" else "was stopped"
        click.echo(f"\n !     The last {kind} {how}: {clean(last['reason'])}")
        click.echo(f" !     Its log: deployzero logs --deployment {number}")
    elif last["state"] in UNDER_WAY:
        article = "An" if kind[:1] in "aeiou" else "A"
        click.echo(
            f"\n-----> {article} {kind} by {clean(last['user'])} is under way ({last['state']})"
        )
        click.echo(f"       Watch it: deployzero logs --deployment {number} -t")


def _show_server(api: API, as_json: bool) -> None:
    me, apps = api.get("/auth/me"), api.every("/projects")
    if as_json:
        told = {"server": api.account.server, "user": me["username"], "apps": apps}
        print_json(told)
        return
    fields({"server": api.account.server, "user": f"{me['username']} ({me['role']})"})
    click.echo()
    show_apps(apps, as_json=False)
