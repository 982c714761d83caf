"""The admin commands, a file a noun. Importing this registers all of them."""

from deployzero.ssh.commands import apps, checks, config, domains, general, git, platform
from deployzero.ssh.commands.tree import COMMANDS, run_command

__all__ = ["COMMANDS", "apps", "checks", "config", "domains", "general", "git", "platform", "run_command"]
