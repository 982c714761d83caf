"""The git program, where it is installed: quicker than Python for whole histories.

It is only ever run on our own folders, with no configuration, hooks or prompts of anyone.
"""

import functools
import os
import shutil
from pathlib import Path

from deployzero.source.incoming import Incoming

GIT_MEMORY = 2 << 30
"""Bytes of address space that git gets for what a client sent."""
STREAMED = 8 << 20
"""Bytes of a file from which git streams it instead of holding it in memory."""


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
        "GIT_CONFIG_COUNT": "6",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": os.devnull,
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
        "GIT_CONFIG_KEY_2": "core.bigFileThreshold",
        "GIT_CONFIG_VALUE_2": str(STREAMED),
        # The next three keep git within its memory: large maps and many threads need more.
        "GIT_CONFIG_KEY_3": "core.packedGitWindowSize",
        "GIT_CONFIG_VALUE_3": "32m",
        "GIT_CONFIG_KEY_4": "core.packedGitLimit",
        "GIT_CONFIG_VALUE_4": "256m",
        "GIT_CONFIG_KEY_5": "pack.threads",
        "GIT_CONFIG_VALUE_5": "2",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
    }


def incoming_env(arrived: Incoming) -> dict[str, str]:
    """git writes into the quarantine and reads the repository too."""
    return git_env(arrived.repository) | {
        "GIT_OBJECT_DIRECTORY": str(arrived.path),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(arrived.objects),
    }


def limited(program: str, *arguments: str) -> tuple[str, ...]:
    """The command line of git with no more than GIT_MEMORY: a delta may claim any size."""
    return ("/bin/sh", "-c", f'ulimit -v {GIT_MEMORY >> 10}; exec "$@"', "sh", program, *arguments)
