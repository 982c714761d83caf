"""A command that starts a Node.js app, and what goes with it."""

import re
import shlex
from dataclasses import dataclass, field

from deployzero.detection.nodejs.manifest import Package
from deployzero.detection.nodejs.packages import Manager


@dataclass(frozen=True)
class Start:
    command: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    """Steps of the build that the command needs."""
    build_prefix: str = ""
    """Variables for the build script."""
    tools: tuple[str, ...] = ()
    """Programs of npm's registry that the command calls and no manifest names."""
    least_node: int = 0
    """The major from which on Node.js runs such an entry file."""
    plain: bool = False
    """An entry file that nothing says to be a server."""
    source: str | None = None
    """What the started script is made of, where that is known."""


def loading(package: Package, manager: Manager, command: str) -> str:
    """With Plug'n'Play node finds packages by Yarn's own loader alone."""
    if not manager.pnp or not re.search(r"(?:^|\s)node ", command):
        return command
    if package.values.get("type") == "module" or package.folder != ".":
        return re.sub(r"(^|\s)node ", r"\1yarn node ", command, count=1)
    return f"NODE_OPTIONS=--require=./.pnp.cjs {command}"


def inside(package: Package, command: str) -> str:
    """The command in the package's own folder."""
    folder = package.folder
    return command if folder == "." else f"cd {shlex.quote(folder)} && {command}"


def step(package: Package, command: str) -> str:
    """As `inside`, as a step of the build: the next one begins at the top again."""
    return command if package.folder == "." else f"({inside(package, command)})"


def script_variables(package: Package) -> dict[str, str]:
    """What every package manager gives a script, for one that is started without it.

    Many a program reads its own version there.
    """
    given = {key: package.values.get(key) for key in ("name", "version")}
    config = package.values.get("config")
    given |= {f"config_{k}": v for k, v in config.items()} if isinstance(config, dict) else {}
    named = {f"npm_package_{key}": value for key, value in given.items()}
    return {
        name: str(value)
        for name, value in named.items()
        if isinstance(value, str | int) and not isinstance(value, bool)
        and re.fullmatch(r"\w{1,80}", name) and re.fullmatch(r"[^\0\n]{1,200}", str(value))
    }  # fmt: skip
