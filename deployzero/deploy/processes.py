"""Which containers a release consists of, and what each one is started with."""

import dataclasses
from typing import Any

from deployzero.build.command import process_command
from deployzero.deploy.platform import Platform
from deployzero.models.deployment import Container, Deployment
from deployzero.models.project import HealthCheck, ProjectConfig
from deployzero.runtime.container import ContainerSpec
from deployzero.settings import parse_bytes

RELEASE = "release"
WEB = "web"
DEFAULT_CHECKS = (HealthCheck(),)


def stored_config(config: ProjectConfig) -> dict[str, Any]:
    return dataclasses.asdict(config)


def loaded_config(stored: dict[str, Any]) -> ProjectConfig:
    """Turn the stored form back; unknown fields (a newer deployzero's) are dropped."""
    known = {field.name for field in dataclasses.fields(ProjectConfig)}
    values = {key: value for key, value in stored.items() if key in known}
    for name in ("install_files", "generated_secrets", "reasons"):
        values[name] = tuple(values.get(name, ()))
    values["health_checks"] = {
        process: tuple(HealthCheck(**check) for check in checks)
        for process, checks in values.get("health_checks", {}).items()
    }
    return ProjectConfig(**values)


def formation(config: ProjectConfig) -> dict[str, int]:
    """Process name to how many run: web 1, others 0, unless app.json says otherwise."""
    has_web = (
        config.start_command is not None
        or WEB in config.processes
        or (config.type in ("static", "dockerfile") or config.static_dir is not None)
    )
    counts = {name: 0 for name in config.processes if name != RELEASE}
    if has_web:
        counts[WEB] = 1
    counts.update((name, count) for name, count in config.formation.items() if name in counts)
    return counts


def checks(config: ProjectConfig, process: str) -> tuple[HealthCheck, ...]:
    return config.health_checks.get(process) or DEFAULT_CHECKS


def container_spec(
    platform: Platform, deployment: Deployment, config: ProjectConfig, container: Container
) -> ContainerSpec:
    """What a container of the release is started with, at boot and ever after."""
    command = config.processes.get(container.process)
    if command is None and container.process == WEB:
        command = config.start_command
    spec = _spec(platform, deployment, config, command)
    return dataclasses.replace(
        spec,
        name=container.name,
        process=container.process,
        index=container.index,
        address=container.address,
    )


def release_spec(
    platform: Platform, deployment: Deployment, config: ProjectConfig
) -> ContainerSpec:
    """The one-off container of the `release` command."""
    return _spec(platform, deployment, config, config.processes[RELEASE])


def _spec(
    platform: Platform, deployment: Deployment, config: ProjectConfig, command: str | None
) -> ContainerSpec:
    settings = platform.settings
    return ContainerSpec(
        app=deployment.app,
        deployment_id=deployment.id,
        process=RELEASE,
        index=1,
        image=deployment.image or platform.image_tag(deployment.app, deployment.id),
        command=tuple(process_command(command)) if command else None,
        environment=environment(platform, deployment.app, config),
        port=config.port,
        memory_bytes=parse_bytes(settings.memory),
        cpus=settings.cpus,
        boot_cpus=max(settings.cpus, settings.boot_cpus),
        pids=settings.pids,
        generated_image=config.type != "dockerfile",
    )


def environment(platform: Platform, app: str, config: ProjectConfig) -> dict[str, str]:
    """The variables of an app's processes."""
    secrets = generated_secrets(platform, app, config)
    return {**config.environment, **secrets, "PORT": str(config.port)}


def generated_secrets(platform: Platform, app: str, config: ProjectConfig) -> dict[str, str]:
    """app.json's `generator: secret`, from the server's key: stable, stored nowhere."""
    return {name: platform.derive("variable", app, name) for name in config.generated_secrets}
