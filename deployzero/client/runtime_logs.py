"""What an app prints, as it comes, over whatever happens to the connection."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from deployzero.client.api import API
from deployzero.client.following import NDJSON, messages

MISSED = 1000
"""Lines that are asked for again after a connection was lost."""
Line = dict[str, Any]
"""As the API has it: `{"at", "source", "data"}`, or `{"skipped": 12}`."""


def recent(api: API, path: str, lines: int, process: str | None) -> list[Line]:
    """path: `/projects/hello/logs`."""
    answer = api.request("GET", path, params=_wanted(lines, process), headers=NDJSON)
    return [json.loads(line) for line in answer.text.split("\n") if line.strip()]


def follow(
    api: API,
    path: str,
    lines: int,
    process: str | None,
    away: Callable[[str], None] = lambda _: None,
) -> Iterator[Line]:
    """Each line once, without end. away: told why, once each time that the server has gone.

    Raises DeployZeroException when it stays away, and for what it refuses.
    """
    last: dict[str, str] = {}
    first = ""
    """When the oldest line shown was printed: what is older was not asked for."""
    before: dict[str, str] = {}
    """Of each source, what was told last before the connection was lost."""

    def wanted() -> dict[str, Any]:
        before.update(last)
        return _wanted(MISSED if last else lines, process)

    for line in messages(api, path, wanted, away):
        source, at = line.get("source", ""), line.get("at", "")
        if at and at <= before.get(source, first if before else ""):
            continue  # told already, or older
        last[source], first = at, first or at
        yield line


def _wanted(lines: int, process: str | None) -> dict[str, Any]:
    return {"lines": lines} | ({"process": process} if process else {})
