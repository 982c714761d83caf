"""The git program, where it is installed: quicker than Python for whole histories.

It is only ever run on our own folders, with no configuration, hooks or prompts of anyone.
"""

import functools
import os
import shutil
from pathlib import Path

from deployzero.source.incoming import Incoming


@functools.cache
def git_program() -> str | None:
    return shutil.which("git")


def git_env(git_dir: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": "/nonexistent",
        "GIT_DIR": str(git_dir),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": os.devnull,
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
    }


def incoming_env(arrived: Incoming) -> dict[str, str]:
    """git writes into the quarantine and reads the repository too."""
    return git_env(arrived.repository) | {
        "GIT_OBJECT_DIRECTORY": str(arrived.path),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(arrived.objects),
    }
