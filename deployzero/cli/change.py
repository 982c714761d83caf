"""What a command has started: watched to its end, or left to itself."""

from collections.abc import Mapping
from typing import Any

import click

from deployzero.cli.watch import detached, watch
from deployzero.client.api import API

DETACH = click.option("-d", "--detach", is_flag=True, help="Do not wait until it is live.")


def finish(api: API, deployment: Mapping[str, Any], detach: bool) -> None:
    """deployment: as the API shows it. The process exits with 1 if it is watched and fails."""
    if detach:
        detached(deployment)
    else:
        watch(api, deployment)
