"""The server as a process in the foreground: `up` shows it to a person, `serve` to systemd."""

import asyncio
import logging
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable

from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException
from deployzero.models.buildpacks import buildpacks
from deployzero.models.project import ProjectConfig
from deployzero.server import running
from deployzero.settings import Settings

PRIORITY = 10
"""Niceness of the server and its helpers (git, mmdebstrap): live apps and the proxy go first."""
FILES = 65536
"""That it may have open, connections among them, if the system lets it."""
STACKS = ("python", "nodejs", "static", "go")
"""Those with base images, the likeliest first."""

Say = Callable[[str], None]
Job = Callable[[Platform], Awaitable[None]]


def serve_until_told(settings: Settings, greet: Job, say: Say, *beside: Job) -> None:
    """Run the server until SIGINT or SIGTERM. Apps and proxy go on.

    greet: done once everything is up. say: what is told meanwhile. beside: what else is done
    behind the greeting, for as long as the server runs.
    """
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr
    )
    if os.geteuid() == 0:  # only root can give the proxy its own niceness back
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    allow_files()
    asyncio.run(_serve(settings, greet, say, beside))


def allow_files() -> None:
    """As many open files as the server needs and may have; some systems begin with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(settings: Settings, greet: Job, say: Say, beside: tuple[Job, ...]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(settings) as platform:
        await greet(platform)
        for fault in buildpacks(settings.own_buildpacks).faults:
            say(f" !     {fault.message}; it is left out. {fault.hint}")
        tasks = [asyncio.create_task(_prepare_base_images(platform, say))]
        tasks += [asyncio.ensure_future(job(platform)) for job in beside]
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        say("-----> Stopping; apps and proxy go on serving (`deployzero down` ends them)")


async def _prepare_base_images(platform: Platform, say: Say) -> None:
    """Make what first pushes will need, behind them; a push that comes earlier joins in."""
    for type_ in STACKS:
        try:
            await platform.builder.prepare(ProjectConfig(type_), lambda line: say(f"       {line}"))
        except DeployZeroException as error:
            say(f" !     The {type_} base image: {error.message}. {error.hint}")
