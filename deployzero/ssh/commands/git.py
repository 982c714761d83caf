"""git:*, the deploy branch, and archives that become commits on it."""

from dataclasses import asdict

import click

from deployzero.errors import UsageError
from deployzero.models.access import Role
from deployzero.operations import archives, git
from deployzero.ssh.commands.follow import follow
from deployzero.ssh.commands.render import fields
from deployzero.ssh.commands.tree import APP, JSON, Caller, command

SECTION = "Git"
PROPERTY = click.Argument(["name"], type=click.Choice(["deploy-branch"]))


@command("git:status", APP, JSON, section=SECTION, needs=Role.VIEWER, aliases=("git:report",))
async def status(caller: Caller, app: str, as_json: bool) -> None:
    """Show an app's remote, deploy branch and live commit."""
    fields(caller, asdict(await git.status(caller.platform, caller.user, app)), as_json)


@command(
    "git:set",
    APP,
    PROPERTY,
    click.Argument(["value"], metavar="BRANCH"),
    JSON,
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
)
async def change(caller: Caller, app: str, name: str, value: str, as_json: bool) -> None:
    """Deploy another branch: git:set APP deploy-branch BRANCH.

    It names what is live from then on, and is the only one that can be pushed to.
    """
    done = await git.set_deploy_branch(caller.platform, caller.user, app, value)
    if as_json:
        fields(caller, asdict(done), True)
        return
    caller.print(f"-----> {app} deploys {done.deploy_branch}: git push deployzero HEAD:{value}")
    if done.commit:
        caller.print(f"       {done.deploy_branch} is {done.commit[:9]}, which is live.")


@command(
    "git:from-archive",
    APP,
    click.Option(["-m", "--message"], default="", help="Of the commit."),
    section=SECTION,
    needs=Role.DEPLOYER,
    changes=True,
)
async def from_archive(caller: Caller, app: str, message: str) -> int:
    """Deploy an archive from standard input, as a push is.

    A .tar, .tar.gz, .tar.bz2, .tar.xz or .zip. It becomes a commit on the deploy branch, so
    that `git pull` brings it:
    git:from-archive APP < app.tar.gz
    """
    if caller.streams.terminal is not None:
        raise UsageError(
            "the archive is read from standard input", f"git:from-archive {app} < app.tar.gz"
        )
    read = caller.streams.stdin.read
    return await follow(
        caller, await archives.deploy_archive(caller.platform, caller.user, app, read, message)
    )
