"""The hidden command that hooks/post_receive.py becomes in a repository of stock git."""

import asyncio
import functools
import os
import sys
from pathlib import Path

import click
from dulwich.repo import Repo

from deployzero.cli.settings import settings_of
from deployzero.deploy.platform import Platform
from deployzero.hooks.post_receive import Command, PostReceive, deploy_from_git, read_commands
from deployzero.models.names import parse_app_path
from deployzero.models.push import Deployments
from deployzero.operations import changes, keys, pushes
from deployzero.server import open_platform
from deployzero.settings import Settings


@click.command("post-receive", hidden=True)
@click.pass_context
def post_receive(context: click.Context) -> None:
    """Deploy what stock git has just received; reads git's hook lines from stdin.

    The deployment is a row: the running server claims it, and this follows its log.
    """
    commands = read_commands(sys.stdin.buffer)
    repository = Path(os.environ.get("GIT_DIR", ".")).resolve()
    sys.exit(asyncio.run(_deploy(settings_of(context), repository, commands)))


async def _deploy(settings: Settings, repository: Path, commands: list[Command]) -> int:
    app = parse_app_path(repository.name)
    async with open_platform(settings) as platform:
        user = await keys.administrator(platform)
        deployments = _deployments(platform)
        target = await deployments.find_app(user, app)
        branch = target.deploy_branch if target else None
        if branch is None:
            pushed = {name.decode() for _, _, name in commands}
            branch = "main" if "refs/heads/main" in pushed else "master"
            await deployments.create_app(user, app, branch)
        with Repo(str(repository)) as repo:
            await asyncio.to_thread(_copy_objects, platform, repo, app)
            hook = PostReceive(
                repo=repo,
                app=app,
                user=user,
                branch=branch,
                checkouts=platform.checkouts,
                start=deployments.start,
                pool=platform.repositories.pool,
            )
            return await deploy_from_git(hook, commands, deployments, click.echo)


def _deployments(platform: Platform) -> Deployments:
    return Deployments(
        find_app=functools.partial(pushes.find_app, platform),
        create_app=functools.partial(pushes.create_app, platform),
        start=functools.partial(pushes.start_deployment, platform),
        follow=functools.partial(changes.follow, platform),
        outcome=functools.partial(changes.outcome, platform),
    )


def _copy_objects(platform: Platform, repo: Repo, app: str) -> None:
    """deployzero's own repository of the app must hold what its branch will name."""
    with platform.repositories.open(app) as own:
        repo.fetch(own)
