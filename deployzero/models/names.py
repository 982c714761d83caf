"""What an app may be called, and how its name is read from a remote's path."""

import re

from deployzero.errors import SourceError

APP_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
"""Match it whole (`fullmatch`): `$` would let a trailing newline through."""
LONGEST = 50
RESERVED = frozenset({"admin", "api", "deployzero", "localhost", "proxy", "traefik", "www"})
"""Hosts and paths that deployzero itself answers on, or may later."""

HINT = (
    "A name is 1 to 50 of a-z, 0-9 and '-', and begins and ends with a letter or digit: "
    "ssh://deployzero@<host>:<port>/<app>"
)


def check_app_name(name: str) -> str:
    """Return the name, or raise SourceError saying what is wrong with it (DESIGN, Addresses)."""
    if name in RESERVED:
        raise SourceError(f"the app name '{name}' is reserved", "Choose another name.")
    if not APP_NAME.fullmatch(name):
        raise SourceError(f"bad app name {_shown(name)}: {_fault(name)}", HINT)
    return name


def check_new_app_name(name: str) -> str:
    """The same for an app's first or next name: of digits alone it would look like another's id."""
    if check_app_name(name).isdecimal():
        raise SourceError(
            f"bad app name {_shown(name)}: it has only digits, as the ids of apps have",
            "Put a letter into it.",
        )
    return name


def parse_app_path(text: str) -> str:
    """Read the app's name from a remote's path: `/app`, `app.git` and `~/app` are `app`.

    Raises SourceError for everything that is not a name, a folder outside included.
    """
    path = text.removeprefix("/").removeprefix("~/").removesuffix("/").removesuffix(".git")
    return check_app_name(path)


def _shown(name: str) -> str:
    return repr(name if len(name) <= LONGEST + 10 else name[:LONGEST] + "…")


def _fault(name: str) -> str:
    if not name:
        return "it is empty"
    if ".." in name:
        return "'..' leads out"
    if "/" in name:
        return "it has a '/' in it"
    if any(ord(char) < 32 or ord(char) == 127 for char in name):
        return "it has control characters in it"
    if name.lower() != name:
        return "capital letters are not allowed"
    if name.startswith("-") or name.endswith("-"):
        return "it begins or ends with '-'"
    if len(name) > LONGEST:
        return f"it is {len(name)} characters long, {LONGEST} are allowed"
    return "only a-z, 0-9 and '-' are allowed"
