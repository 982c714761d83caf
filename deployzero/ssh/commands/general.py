"""help, version, whoami."""

import click

from deployzero import __version__
from deployzero.models.access import Role
from deployzero.ssh.commands.render import fields
from deployzero.ssh.commands.tree import COMMANDS, JSON, Caller, command, run_command

SECTION = "Platform"


@command("help", click.Argument(["command"], required=False), section=SECTION, needs=Role.MEMBER)
async def show_help(caller: Caller, command: str | None) -> int | None:
    """List the commands, or explain one."""
    if command is not None:
        return await run_command(caller.platform, caller.user, [command, "--help"], caller.streams)
    rows = sorted((name, each) for name, each in COMMANDS.items() if not each.hidden)
    lines = [f"  {name:<20} {each.get_short_help_str(56)}" for name, each in rows]
    caller.print("Commands:\n" + "\n".join(lines))
    return None


@command("version", section=SECTION, needs=Role.MEMBER)
async def version(caller: Caller) -> None:
    """Print deployzero's version."""
    caller.print(f"deployzero {__version__}")


@command("whoami", JSON, section=SECTION, needs=Role.MEMBER)
async def whoami(caller: Caller, as_json: bool) -> None:
    """Print who your key says you are."""
    user = caller.user
    if as_json:
        fields(caller, {"name": user.name, "role": user.role, "key": user.key_fingerprint}, True)
    else:
        caller.print(f"{user.name} ({user.role}, {user.key_fingerprint})")
