"""The admin commands, a file a noun. Importing this registers all of them."""

from deployzero.ssh.commands import apps, general
from deployzero.ssh.commands.tree import COMMANDS, run_command

__all__ = ["COMMANDS", "apps", "general", "run_command"]
