"""The admin commands, a file a noun. Importing this registers all of them."""

from deployzero.ssh.commands import (
    apikeys,
    apps,
    builds,
    checks,
    config,
    domains,
    events,
    general,
    git,
    logs,
    people,
    platform,
    ps,
    releases,
    resource,
    run,
)
from deployzero.ssh.commands.tree import COMMANDS, run_command

__all__ = [
    "COMMANDS",
    "apikeys",
    "apps",
    "builds",
    "checks",
    "config",
    "domains",
    "events",
    "general",
    "git",
    "logs",
    "people",
    "platform",
    "ps",
    "releases",
    "resource",
    "run",
    "run_command",
]
