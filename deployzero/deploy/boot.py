"""Start a release's containers and wait until they are healthy."""

import asyncio
import dataclasses
from collections import deque
from collections.abc import Mapping

from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import (
    RELEASE,
    WEB,
    check_hint,
    checks,
    container_spec,
    one_off_spec,
)
from deployzero.deploy.progress import Progress
from deployzero.deploy.release import Release
from deployzero.errors import ContainerError
from deployzero.models.cause import Subject, known_cause
from deployzero.models.deployment import Container, Deployment
from deployzero.runtime.causes import CAUSES
from deployzero.runtime.causes.advice import development_server
from deployzero.runtime.container import ContainerSpec
from deployzero.runtime.diagnosis import LINES
from deployzero.runtime.health import wait_healthy, wait_running
from deployzero.runtime.network import free_address
from deployzero.store import containers

Slot = tuple[str, int]
"""Process and index: `("web", 2)` is web.2."""


async def run_release_command(platform: Platform, release: Release, progress: Progress) -> None:
    """Run the Procfile's `release` command in the new image, before anything switches.

    Raises ContainerError when it exits with anything but 0.
    """
    command = release.config.processes.get(RELEASE)
    if command is None:
        return
    progress.step(f"Running the release command: {command}")
    spec = one_off_spec(platform, release, RELEASE, command)
    last: deque[str] = deque(maxlen=LINES)

    def line(text: str) -> None:
        last.append(text)
        progress.detail(text)

    status = await platform.runtime.run(spec, line, platform.settings.build_timeout)
    if status != 0:
        subject = dataclasses.replace(_subject(release, RELEASE), code=status)
        message = f"the release command `{command}` exited with {status}"
        hint = "Mend what it printed above and push again; nothing was switched."
        if known := known_cause(CAUSES, last, subject):
            message, hint = f"{message}: {known.message}", known.hint
        raise ContainerError(message, hint)


def slots(counts: Mapping[str, int]) -> list[Slot]:
    """web.1, web.2, worker.1 … of a formation."""
    return [(process, index) for process in counts for index in range(1, counts[process] + 1)]


async def start_processes(
    platform: Platform, release: Release, wanted: list[Slot], progress: Progress
) -> list[Container]:
    """Start these containers of the release; returns once all of them are well.

    Raises ContainerError saying what the app or the probe said.
    """
    rows = await _reserve(platform, release, wanted)
    try:
        async with asyncio.TaskGroup() as group:
            boots = [group.create_task(_boot(platform, release, row, progress)) for row in rows]
    except BaseExceptionGroup as failed:
        # One failure is enough to tell; the group has cancelled the others.
        raise failed.exceptions[0] from None
    return [boot.result() for boot in boots]


async def _boot(
    platform: Platform, release: Release, row: Container, progress: Progress
) -> Container:
    row = await start_container(platform, release, row)
    gate = checks(release.checks, release.config, row.process)
    subject = _subject(release, row.process)
    if row.process != WEB or not gate:
        await wait_running(platform.runtime, row.name, subject=subject)
        return row
    await wait_healthy(
        platform.runtime,
        row.name,
        (row.address, row.port),
        port=release.config.port,
        checks=gate,
        timeout=platform.settings.boot_timeout,
        host=platform.settings.host(row.app),
        on_note=progress.detail,
        hint=check_hint(row.app, release.checks, release.config),
        subject=subject,
    )
    if row.index == 1 and (advice := development_server(subject)):
        progress.detail(advice)
    return row


def _subject(release: Release, process: str) -> Subject:
    """What runs, as the fix of its failure needs it."""
    command = release.config.processes.get(process, release.config.start_command) or ""
    return Subject(release.deployment.app, release.config.type, command)


async def start_container(platform: Platform, release: Release, row: Container) -> Container:
    """Start one container; its row then says where the host reaches it."""
    await platform.runtime.start(container_spec(platform, release, row))
    port = release.config.port
    reached = await platform.runtime.reach(row.name, row.address, port)
    if reached == (row.address, row.port):
        return row
    async with platform.database.begin() as session:
        return await containers.set_reach(session, row.id, *reached)


async def _reserve(platform: Platform, release: Release, wanted: list[Slot]) -> list[Container]:
    """Record the containers before they exist, each with an address nobody else holds."""
    deployment = release.deployment
    network = await platform.runtime.ensure_network(deployment.app)
    rows: list[Container] = []
    async with platform.database.begin() as session:
        taken = await containers.addresses(session, deployment.project_id)
        last = max(taken, key=_numeric, default=None)
        for process, index in wanted:
            last = free_address(network, taken, after=last)
            taken.add(last)
            row = await containers.add(
                session,
                deployment_id=deployment.id,
                process=process,
                index=index,
                name=platform.runtime.name_of(_identity(deployment, process, index)),
                address=last,
                port=release.config.port,
            )
            rows.append(row)
    return rows


def _identity(deployment: Deployment, process: str, index: int) -> ContainerSpec:
    """As much of a container as its name is made from."""
    return ContainerSpec(
        app=deployment.app,
        deployment_id=deployment.id,
        process=process,
        index=index,
        image="",
        port=0,
    )


def _numeric(address: str) -> tuple[int, ...]:
    return tuple(int(part) for part in address.split("."))
