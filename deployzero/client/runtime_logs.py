"""What an app prints, as it comes, over whatever happens to the connection."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from deployzero.client.api import API, UnavailableError
from deployzero.client.following import FIRST_PAUSE, LONGEST_PAUSE, PATIENCE, SILENCE

NDJSON = {"Accept": "application/x-ndjson"}
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
    heard, pause, told = time.monotonic(), FIRST_PAUSE, False
    while True:
        before = dict(last)
        try:
            for line in _messages(api, path, {**_wanted(lines, process), "follow": 1}):
                heard, pause, told = time.monotonic(), FIRST_PAUSE, False
                source, at = line.get("source", ""), line.get("at", "")
                if at and at <= before.get(source, first if before else ""):
                    continue  # told before the connection was lost, or older
                last[source], first = at, first or at
                yield line
            lost = UnavailableError(f"{api.account.server} ended the log")
        except UnavailableError as error:
            lost = error
        if time.monotonic() - heard > PATIENCE:
            raise lost
        if not told:
            away(lost.message)
        told = True
        time.sleep(pause)
        lines, pause = MISSED if last else lines, min(2 * pause, LONGEST_PAUSE)


def _wanted(lines: int, process: str | None) -> dict[str, Any]:
    return {"lines": lines} | ({"process": process} if process else {})


def _messages(api: API, path: str, wanted: dict[str, Any]) -> Iterator[Line]:
    with api.stream("GET", path, params=wanted, headers=NDJSON, timeout=SILENCE) as answer:
        for line in answer.iter_lines():
            if not line.strip():
                continue
            try:
                message: Line = json.loads(line)
            except ValueError:  # the connection broke in the middle of it
                raise UnavailableError(f"{api.account.server} sent half a line") from None
            yield message
