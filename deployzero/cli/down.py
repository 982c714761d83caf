"""`deployzero down`: end what `up` left running."""

import asyncio
import os
import signal
import time

import click

from deployzero.cli.settings import settings_of
from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException
from deployzero.server import open_platform, running_pid
from deployzero.settings import Settings

STOP_LIMIT = 30.0
"""Seconds that a running server gets to end what it has under way."""


@click.command()
@click.option("--apps", is_flag=True, help="Stop the apps too.")
@click.pass_context
def down(context: click.Context, apps: bool) -> None:
    """Stop the server, if it runs, and the proxy; with --apps the apps as well.

    Nothing is deleted: `deployzero up` brings everything back.
    """
    settings = settings_of(context)
    _stop_server(settings)
    asyncio.run(_stop_rest(settings, apps))


def _stop_server(settings: Settings) -> None:
    pid = running_pid(settings)
    if pid is None:
        return
    click.echo(f"-----> Stopping the server (process {pid})")
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT
    while running_pid(settings) is not None:
        if time.monotonic() > deadline:
            raise DeployZeroException(
                f"the server (process {pid}) does not end",
                f"Look at what it prints, or end it with `kill -9 {pid}`; nothing is lost.",
            )
        time.sleep(0.1)


async def _stop_rest(settings: Settings, apps: bool) -> None:
    async with open_platform(settings) as platform:
        await platform.proxy.stop()
        click.echo("-----> The proxy is stopped")
        if apps:
            containers = await platform.runtime.list_containers()
            await asyncio.gather(*(_stop(platform, container.name) for container in containers))
            # Not before: without the rules, apps that run reach cloud metadata.
            await platform.firewall.remove()
        click.echo("=====> Down. `deployzero up` brings everything back.")


async def _stop(platform: Platform, container: str) -> None:
    await platform.runtime.stop(container, platform.settings.stop_grace)
    click.echo(f"       stopped {container}")
