"""`deployzero detect`: the plan for a folder, without a server and without Docker."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from deployzero.build.base_image_names import official
from deployzero.build.dockerfile import render
from deployzero.cli.settings import settings_of
from deployzero.detection import ProjectDetector, no_start, startable
from deployzero.errors import DeployZeroException
from deployzero.models.buildpacks import Buildpacks, buildpacks
from deployzero.models.project import ProjectConfig


@click.command()
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the plan as one JSON object.")
@click.option("--dockerfile", is_flag=True, help="Print the Dockerfile that would be built.")
@click.option(
    "-e", "--env", metavar="NAME=VALUE", multiple=True, help="As `config:set` gives it; repeatable."
)
@click.pass_context
def detect(
    context: click.Context,
    directory: Path,
    as_json: bool,
    dockerfile: bool,
    env: tuple[str, ...],
) -> None:
    """Print what DIR is, how it would be built and run, and why."""
    try:
        stacks = buildpacks(settings_of(context).own_buildpacks)
        config = ProjectDetector(stacks).examine(directory, dict(_pair(each) for each in env))
        if dockerfile:
            click.echo(_dockerfile(directory, config, stacks), nl=False)
        elif as_json:
            click.echo(json.dumps(dataclasses.asdict(config), indent=2))
        else:
            click.echo("\n".join(plan(config)))
    except DeployZeroException as error:
        _show(error)
        sys.exit(1)
    if not startable(config):  # the plan is known, but a push of it would be refused
        _show(no_start(config, stacks), with_detail=as_json or dockerfile)


def plan(config: ProjectConfig) -> Iterator[str]:
    """The plan in lines for people."""
    yield f"-----> {config.type} app" + (f" ({config.framework})" if config.framework else "")
    rows = {
        "version": config.runtime_version,
        "packages": config.package_manager,
        "install": config.install_command,
        "build": config.build_command,
        "builds": config.main if config.type == "go" else None,
        "files": config.static_dir and f"{config.static_dir}/" + " (one page)" * config.spa,
        "dockerfile": config.dockerfile,
        "root": config.root if config.root != "." else None,
        "front end": config.assets and config.assets.build_command,
        "apt": " ".join(dict.fromkeys((*config.build_packages, *config.run_packages))),
        "port": str(config.port),
        **config.processes,
        "environment": ", ".join(config.environment),
        "secrets": ", ".join(config.generated_secrets),
    }
    width = max(len(name) for name in rows) + 1
    further = "\n" + " " * (width + 8)
    for name, value in rows.items():
        if value:
            yield f"       {name + ':':<{width}} {value.replace(chr(10), further)}"
    yield "-----> Why"
    for reason in config.reasons:
        yield f"       {reason}"


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals:
        raise click.BadParameter(f"'{given}' is not NAME=VALUE", param_hint="--env")
    return name, value


def _dockerfile(directory: Path, config: ProjectConfig, stacks: Buildpacks) -> str:
    """The repository's own, or the one that is made on official images."""
    if config.dockerfile:
        return (directory / config.root / config.dockerfile).read_text()
    base = official(config, buildpack=stacks.stacks.get(config.type))
    front_end = official(config.assets) if config.assets else None
    return render(config, base, stacks=stacks, assets=front_end)


def _show(error: DeployZeroException, with_detail: bool = True) -> None:
    for line in error.detail if with_detail else ():
        click.echo(f"       {line}", err=True)
    click.echo(f" !     {error.message}", err=True)
    if error.hint:
        click.echo(f" !     {error.hint}", err=True)
