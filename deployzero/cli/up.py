"""`deployzero up`: one process with everything, in the foreground."""

import asyncio
import logging
import os
import signal

import click
import httpx

from deployzero import __version__
from deployzero.cli import demo as sample
from deployzero.cli.settings import settings_of
from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException, SettingsError
from deployzero.models.project import ProjectConfig, ProjectType
from deployzero.operations import config, keys
from deployzero.server import running
from deployzero.settings import Settings

PRIORITY = 10
"""Niceness of the server and its helpers (git, mmdebstrap): live apps and the proxy go first."""
STACKS: tuple[ProjectType, ...] = ("python", "nodejs", "static", "go")
"""Those with base images, the likeliest first."""


@click.command()
@click.option("--demo", is_flag=True, help="Then push a sample app with the real git.")
@click.pass_context
def up(context: click.Context, demo: bool) -> None:
    """Start the server here; Ctrl-C ends it and leaves apps and proxy serving."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    if os.geteuid() == 0:  # only root can give the proxy its own niceness back
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    asyncio.run(_up(settings_of(context), demo))


async def _up(settings: Settings, demo: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    click.echo(f"-----> deployzero {__version__} starts (data in {settings.data_dir})")
    async with running(settings) as platform:
        await _greet(platform)
        tasks = [asyncio.create_task(_prepare_base_images(platform))]
        if demo:
            tasks.append(asyncio.create_task(_demo(platform)))
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        click.echo("-----> Stopping; apps and proxy go on serving (`deployzero down` ends them)")


async def _prepare_base_images(platform: Platform) -> None:
    """Make what first pushes will need, behind them; a push that comes earlier joins in."""
    for type_ in STACKS:
        try:
            await platform.builder.prepare(ProjectConfig(type_), _say)
        except DeployZeroException as error:
            click.echo(f" !     The {type_} base image: {error.message}. {error.hint}")


def _say(line: str) -> None:
    click.echo(f"       {line}")


async def _demo(platform: Platform) -> None:
    try:
        await sample.push_sample(platform)
    except (OSError, httpx.HTTPError, TimeoutError) as error:
        click.echo(f" !     The sample could not be shown: {error or type(error).__name__}")


async def _greet(platform: Platform) -> None:
    settings = platform.settings
    remote = f"ssh://deployzero@{settings.domain}:{settings.ssh_port}"
    click.echo(f"=====> deployzero is up: {settings.url('<app>')}")
    if await keys.count(platform) == 0:
        click.echo(" !     No public key may push yet: no ~/.ssh/*.pub was found.")
        click.echo(" !     Run ssh-keygen, then start with DEPLOYZERO_ADMIN_KEYS=<file of keys>.")
    try:
        await config.check_key(platform)
    except SettingsError as error:
        click.echo(f" !     {error.message}.")
        click.echo(f" !     {error.hint} What runs goes on, but nothing can be started anew.")
    click.echo("       In a repository of yours, push with:")
    click.echo(f"         git remote add deployzero {remote}/hello")
    click.echo("         git push deployzero main")
    click.echo("       Ctrl-C ends the server; what is live goes on serving.")
