"""Which containers a release consists of, and what each one is started with."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from deployzero.build.command import process_command
from deployzero.deploy.platform import Platform
from deployzero.deploy.release import Release
from deployzero.models.deployment import Container
from deployzero.models.project import HealthCheck, ProjectConfig
from deployzero.models.release import Limits
from deployzero.runtime.container import ContainerSpec
from deployzero.settings import Settings, parse_bytes

RELEASE = "release"
WEB = "web"
EVERY = ""
"""As a process name in limits: those that have none of their own."""
DEFAULT_CHECKS = (HealthCheck(),)
DISABLED = "disabled"


def formation(config: ProjectConfig, wanted: Mapping[str, int] = {}) -> dict[str, int]:
    """Process name to how many run: web 1, others 0, unless app.json or `wanted` say otherwise.

    wanted: the project's own; processes that the code does not have are left out.
    """
    has_web = (
        config.start_command is not None
        or WEB in config.processes
        or (config.type in ("static", "dockerfile") or config.static_dir is not None)
    )
    counts = {name: 0 for name in config.processes if name != RELEASE}
    if has_web:
        counts[WEB] = 1
    for given in (config.formation, wanted):
        counts.update((name, count) for name, count in given.items() if name in counts)
    return counts


def checks(
    own: Mapping[str, Any] | None, config: ProjectConfig, process: str = WEB
) -> tuple[HealthCheck, ...]:
    """A process's start-up checks: app.json's or the default one, the first with the fields
    that were set by hand.

    own: `Project.checks`. Empty when they are disabled: then to be alive is enough.
    """
    declared = config.health_checks.get(process) or DEFAULT_CHECKS
    if not own or process != WEB:
        return declared
    if own.get(DISABLED):
        return ()
    return (dataclasses.replace(declared[0], **own), *declared[1:])


def check_hint(app: str, own: Mapping[str, Any] | None, config: ProjectConfig) -> str:
    """What to do when the web process answers and a check fails."""
    if own:
        where = f"was set by hand: `checks {app}` shows it, `checks:set {app} path=…` changes it"
    elif config.health_checks.get(WEB):
        where = "stands in app.json: mend it there, or what the app answers"
    else:
        where = (
            "is deployzero's own: mend what the app answers, or let the check ask for another "
            f"path by `checks:set {app} path=/up`"
        )
    return f"The check {where}. The app's last lines are above."


def limits_of(settings: Settings, limits: Mapping[str, Limits], process: str) -> tuple[int, float]:
    """A process's memory in bytes, and its CPUs."""
    own, every = limits.get(process, Limits()), limits.get(EVERY, Limits())
    memory = own.memory or every.memory or settings.memory
    return parse_bytes(memory), own.cpus or every.cpus or settings.cpus


def container_spec(platform: Platform, release: Release, container: Container) -> ContainerSpec:
    """What a container of the release is started with, at boot and ever after."""
    command = release.config.processes.get(container.process)
    if command is None and container.process == WEB:
        command = release.config.start_command
    spec = one_off_spec(platform, release, container.process, command)
    return dataclasses.replace(
        spec,
        name=container.name,
        index=container.index,
        address=container.address,
    )


def one_off_spec(
    platform: Platform, release: Release, process: str, command: str | None
) -> ContainerSpec:
    """A container of the release beside its processes, at no fixed address.

    process: names it, and chooses its limits; command: shell command, None: the image's own.
    """
    settings, deployment = platform.settings, release.deployment
    memory, cpus = limits_of(settings, release.limits, process)
    return ContainerSpec(
        app=deployment.app,
        deployment_id=deployment.id,
        process=process,
        index=1,
        image=deployment.image or platform.image_tag(deployment.app, deployment.id),
        command=tuple(process_command(command)) if command else None,
        environment=release.environment,
        port=release.config.port,
        memory_bytes=memory,
        cpus=cpus,
        boot_cpus=max(cpus, settings.boot_cpus),
        pids=settings.pids,
        generated_image=release.config.type != "dockerfile",
    )
