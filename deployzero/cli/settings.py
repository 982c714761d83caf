"""The server's settings, for commands that run on its machine."""

import click

from deployzero.settings import Settings, load_settings


def settings_of(context: click.Context) -> Settings:
    """Read only by commands that need them."""
    return load_settings(context.obj)
