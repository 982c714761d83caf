"""`deployzero completion`."""

import sys

import click
from click.shell_completion import get_completion_class

INSTALL = {
    "bash": "deployzero completion bash > ~/.local/share/bash-completion/completions/deployzero",
    "zsh": "deployzero completion zsh > ~/.zfunc/_deployzero, with fpath+=~/.zfunc before compinit",
    "fish": "deployzero completion fish > ~/.config/fish/completions/deployzero.fish",
}
VARIABLE = "_DEPLOYZERO_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(list(INSTALL)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a shell's completion of commands, options and your apps' names."""
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has these three
    click.echo(found(context.find_root().command, {}, "deployzero", VARIABLE).source())
    if sys.stdout.isatty():
        click.echo(f"To install it: {INSTALL[shell]}", err=True)
