"""The `deployzero` command: settings in, errors rendered once."""

import sys
from pathlib import Path
from typing import Any

import click

from deployzero import __version__
from deployzero.errors import DeployZeroException
from deployzero.settings import Settings, load_settings


class _Group(click.Group):
    """Render our own errors as the push does: one line, then what to do."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except DeployZeroException as error:
            for line in error.detail:
                click.echo(f"       {line}", err=True)
            click.echo(f" !     {error.message}", err=True)
            for line in error.hint.splitlines():
                click.echo(f" !     {line}", err=True)
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="deployzero")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file of settings; the environment's DEPLOYZERO_* stand over it.",
)
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """deployzero: git push to your own server, and the app is live."""
    context.obj = config


def settings_of(context: click.Context) -> Settings:
    """The settings, read only by commands that need them."""
    return load_settings(context.obj)
