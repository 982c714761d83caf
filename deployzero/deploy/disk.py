"""The server keeps some disk space to itself: its database must never run out of it."""

import shutil

from deployzero.deploy.platform import Platform
from deployzero.errors import ResourceLimitError
from deployzero.settings import parse_bytes


def check_disk(platform: Platform) -> None:
    """Before anything large is written. Raises ResourceLimitError below MIN_FREE_DISK."""
    free = shutil.disk_usage(platform.settings.data_dir).free
    wanted = parse_bytes(platform.settings.min_free_disk)
    if free < wanted:
        raise ResourceLimitError(
            f"the server's disk is nearly full: {free >> 20} MB free, {wanted >> 20} MB needed",
            "Free some space on the server (`deployzero doctor` shows where).",
        )
