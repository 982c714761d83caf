"""help, version, whoami."""

import click

from deployzero import __version__
from deployzero.models.access import Role
from deployzero.ssh.commands.render import fields
from deployzero.ssh.commands.tree import (
    COMMANDS,
    JSON,
    Caller,
    Command,
    command,
    noun_commands,
    run_command,
)

SECTION = "Platform"
SECTIONS = (
    "Apps",
    "Config",
    "Processes",
    "Logs",
    "Builds",
    "Run",
    "Releases",
    "Domains",
    "Checks",
    "Git",
    "People",
    "Platform",
)
"""In the order of the help; others follow by name."""
WIDTH = 80


@command("help", click.Argument(["topic"], required=False), section=SECTION, needs=Role.MEMBER)
async def show_help(caller: Caller, topic: str | None) -> int | None:
    """List the commands, or explain one.

    With a noun such as `ps`: list its commands."""
    if topic is None:
        caller.print("\n\n".join(_section(name, found) for name, found in sections()))
        caller.print("\n`help ps` lists those of ps, `help ps:scale` explains one.")
        return None
    found = noun_commands(topic.removesuffix(":help").removesuffix(":"))
    if len(found) > 1:
        caller.print("\n".join(map(_line, found)))
        caller.print(f"\n`help {found[-1].name}` explains one.")
        return None
    return await run_command(caller.platform, caller.user, [topic, "--help"], caller.streams)


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


def sections() -> list[tuple[str, list[Command]]]:
    """The commands, aliases left out, by section and name."""
    proper = sorted(
        (each for each in COMMANDS.values() if not each.alias_of), key=lambda each: str(each.name)
    )
    known = {name: place for place, name in enumerate(SECTIONS)}
    names = sorted({each.section for each in proper}, key=lambda n: (known.get(n, len(known)), n))
    return [(name, [each for each in proper if each.section == name]) for name in names]


def _section(name: str, found: list[Command]) -> str:
    return "\n".join([f"{name}:", *map(_line, found)])


def _line(found: Command) -> str:
    column = max(len(name) for name, each in COMMANDS.items() if not each.alias_of)
    return f"  {found.name:<{column}}  {found.get_short_help_str(WIDTH - column - 4)}"
