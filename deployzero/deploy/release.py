"""All that the containers of a release are started with, whenever they are."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployzero.deploy import variables
from deployzero.deploy.platform import Platform
from deployzero.models.deployment import Deployment, Project
from deployzero.models.project import HealthCheck, ProjectConfig
from deployzero.models.release import Limits, Variables


@dataclass(frozen=True, slots=True)
class Release:
    deployment: Deployment
    config: ProjectConfig
    environment: dict[str, str] = field(repr=False)
    """`PORT` included."""
    limits: dict[str, Limits]
    """By process; `` for every other."""
    checks: dict[str, Any] | None
    """The project's own (`Project.checks`)."""


def live_release(platform: Platform, project: Project, live: Deployment) -> Release:
    """What is live, from its row, under the project's limits and checks of now.

    While its app is being renamed it is at the former name: network, address and host.
    Raises SettingsError when its variables were sealed by another key.
    """
    if project.rename_id is not None and project.previous_name is not None:
        live = dataclasses.replace(live, app=project.previous_name)
    config = loaded_config(live.config or {})
    app, server = platform.vault.open_variables(live.variables)
    return Release(
        deployment=live,
        config=config,
        environment=environment(platform, project.id, config, app, server),
        limits=loaded_limits(project.limits),
        checks=project.checks,
    )


def environment(
    platform: Platform, project_id: int, config: ProjectConfig, app: Variables, server: Variables
) -> dict[str, str]:
    """The variables of an app's processes; each group goes before those named ahead of it."""
    return {
        **config.run_environment,
        **config.environment,
        **generated_secrets(platform, project_id, config),
        **variables.values(app, server),
        "PORT": str(config.port),
    }


def generated_secrets(platform: Platform, project_id: int, config: ProjectConfig) -> dict[str, str]:
    """app.json's `generator: secret`, from the server's key: stable, stored nowhere."""
    return {
        name: platform.derive("variable", str(project_id), name)
        for name in config.generated_secrets
    }


def loaded_limits(stored: Mapping[str, Mapping[str, Any]]) -> dict[str, Limits]:
    return {process: Limits(**each) for process, each in stored.items()}


def stored_config(config: ProjectConfig) -> dict[str, Any]:
    return dataclasses.asdict(config)


def loaded_config(stored: dict[str, Any]) -> ProjectConfig:
    """Turn the stored form back; unknown fields (a newer deployzero's) are dropped."""
    known = {field.name: field for field in dataclasses.fields(ProjectConfig)}
    values = {key: value for key, value in stored.items() if key in known}
    for name, value in values.items():
        if known[name].default == ():
            values[name] = tuple(value)
    if values.get("assets"):
        values["assets"] = loaded_config(values["assets"])
    values["health_checks"] = {
        process: tuple(HealthCheck(**check) for check in checks)
        for process, checks in values.get("health_checks", {}).items()
    }
    return ProjectConfig(**values)
