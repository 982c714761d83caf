"""Start a release's containers and wait until they are healthy."""

import asyncio

from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import (
    RELEASE,
    WEB,
    checks,
    container_spec,
    formation,
    release_spec,
)
from deployzero.deploy.progress import Progress
from deployzero.errors import ContainerError
from deployzero.models.deployment import Container, Deployment
from deployzero.models.project import ProjectConfig
from deployzero.routing.route import Route
from deployzero.runtime.container import ContainerSpec
from deployzero.runtime.health import wait_healthy, wait_running
from deployzero.runtime.network import free_address
from deployzero.store import containers


async def run_release_command(
    platform: Platform, deployment: Deployment, config: ProjectConfig, progress: Progress
) -> None:
    """Run the Procfile's `release` command in the new image, before anything switches.

    Raises ContainerError when it exits with anything but 0.
    """
    command = config.processes.get(RELEASE)
    if command is None:
        return
    progress.step(f"Running the release command: {command}")
    spec = release_spec(platform, deployment, config)
    status = await platform.runtime.run(spec, progress.detail, platform.settings.build_timeout)
    if status != 0:
        raise ContainerError(
            f"the release command `{command}` exited with {status}",
            "Mend what it printed above and push again; nothing was switched.",
        )


async def start_processes(
    platform: Platform, deployment: Deployment, config: ProjectConfig, progress: Progress
) -> list[Container]:
    """Start every container of the release; returns once all of them are well.

    Raises ContainerError saying what the app or the probe said.
    """
    counts = formation(config)
    if not any(counts.values()):
        raise ContainerError(
            "there is no process to run", "Add a line `web: <command>` to the Procfile."
        )
    rows = await _reserve(platform, deployment, config, counts)
    try:
        async with asyncio.TaskGroup() as group:
            boots = [
                group.create_task(_boot(platform, deployment, config, row, progress))
                for row in rows
            ]
    except BaseExceptionGroup as failed:
        # One failure is enough to tell; the group has cancelled the others.
        raise failed.exceptions[0] from None
    return [boot.result() for boot in boots]


async def _boot(
    platform: Platform,
    deployment: Deployment,
    config: ProjectConfig,
    row: Container,
    progress: Progress,
) -> Container:
    row = await start_container(platform, deployment, config, row)
    if row.process != WEB:
        await wait_running(platform.runtime, row.name)
        return row
    await wait_healthy(
        platform.runtime,
        row.name,
        (row.address, row.port),
        port=config.port,
        checks=checks(config, WEB),
        timeout=platform.settings.boot_timeout,
        host=platform.settings.host(deployment.app),
        on_note=progress.detail,
    )
    return row


async def start_container(
    platform: Platform, deployment: Deployment, config: ProjectConfig, row: Container
) -> Container:
    """Start one container; its row then says where the host reaches it."""
    spec = container_spec(platform, deployment, config, row)
    await platform.runtime.start(spec)
    address, port = await platform.runtime.reach(row.name, row.address, config.port)
    if (address, port) == (row.address, row.port):
        return row
    async with platform.database.begin() as session:
        return await containers.set_reach(session, row.id, address, port)


async def _reserve(
    platform: Platform, deployment: Deployment, config: ProjectConfig, counts: dict[str, int]
) -> list[Container]:
    """Record the containers before they exist, each with an address nobody else holds."""
    network = await platform.runtime.ensure_network(deployment.app)
    rows: list[Container] = []
    async with platform.database.begin() as session:
        taken = await containers.addresses(session, deployment.project_id)
        last = max(taken, key=_numeric, default=None)
        for process, count in counts.items():
            for index in range(1, count + 1):
                last = free_address(network, taken, after=last)
                taken.add(last)
                row = await containers.add(
                    session,
                    deployment_id=deployment.id,
                    process=process,
                    index=index,
                    name=platform.runtime.name_of(_identity(deployment, process, index)),
                    address=last,
                    port=config.port,
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


def release_route(
    platform: Platform, deployment: Deployment, rows: list[Container]
) -> Route | None:
    """The route of a release, or None when it has no web process."""
    backends = tuple((row.address, row.port) for row in rows if row.process == WEB)
    if not backends:
        return None
    return Route(
        app=deployment.app,
        hosts=(platform.settings.host(deployment.app),),
        backends=backends,
        marker=platform.derive("marker", str(deployment.id))[:16],
    )
