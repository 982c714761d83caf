"""`deployzero create`."""

import subprocess
from pathlib import Path

import click

from deployzero.cli.output import clean, print_json
from deployzero.cli.target import JSON, SERVER, connect
from deployzero.errors import UsageError

REMOTE = "deployzero"
PUSH = f"git push {REMOTE} main, or: deployzero deploy"
LIMIT = 10.0


@click.command()
@click.argument("name")
@click.option(
    "--remote/--no-remote",
    default=None,
    help="Add the git remote `deployzero` to this folder; by default if it is a repository.",
)
@SERVER
@JSON
def create(name: str, remote: bool | None, server: str | None, as_json: bool) -> None:
    """Make an app, yours, with nothing deployed."""
    with connect(server) as api:
        made = api.post("/projects", {"project_name": name})
    if as_json:
        print_json(made)
    else:
        click.echo(f"=====> {clean(made['project_name'])} is made: {clean(made['url'])}")
    if remote is not False:
        click.echo(f"       {_added(clean(made['git_remote']), asked=bool(remote))}", err=as_json)


def _added(url: str, asked: bool) -> str:
    """What became of the remote. One that is there stays. Raises UsageError if it was asked for."""
    command = f"git remote add {REMOTE} {url}"
    try:
        there = _git("remote", "get-url", REMOTE)
        if there.returncode == 0 and there.stdout.strip() == url:
            return PUSH
        if there.returncode == 0:
            fault = f"the git remote {REMOTE} is {clean(there.stdout.strip())} and stays"
            hint = f"git remote set-url {REMOTE} {url}"
        elif _git("remote", "add", "--", REMOTE, url).returncode == 0:
            return PUSH
        else:
            fault, hint = f"{Path.cwd()} is no git repository", f"In one: {command}"
    except (OSError, subprocess.TimeoutExpired) as error:
        fault, hint = f"git does not run: {error}", command
    if asked:
        raise UsageError(fault, hint)
    return hint


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - only git
        ["git", *words],  # noqa: S607
        capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
