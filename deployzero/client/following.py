"""A deployment's log as it comes, over whatever happens to the connection."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from deployzero.client.api import API, UnavailableError

NDJSON = {"Accept": "application/x-ndjson"}
SILENCE = httpx.Timeout(50.0, connect=10.0)
"""The server sends an empty line every 15 seconds."""
PATIENCE = 300.0
"""Seconds since the server was lost before it is given up."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0


@dataclass(frozen=True, slots=True)
class Line:
    seq: int
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a deployment ended."""

    state: str
    live: bool
    release: int | None
    url: str
    reason: str


def follow(
    api: API, deployment_id: int, since: int = 0, away: Callable[[str], None] = lambda _: None
) -> Iterator[Line | Ended]:
    """The lines after `since` as they come, each once, and last how it ended.

    away: told why, once each time that the server has gone; it is looked for until PATIENCE is
    over. Raises DeployZeroException then, and for what the server refuses.
    """

    def wanted() -> dict[str, Any]:
        return {"since": since}

    for message in messages(api, f"/deployments/{deployment_id}/logs", wanted, away):
        if message["type"] == "status":
            yield _ended(message)
            return
        since = message["seq"]
        yield Line(since, message["data"])


def messages(
    api: API,
    path: str,
    wanted: Callable[[], Mapping[str, Any]],
    away: Callable[[str], None] = lambda _: None,
) -> Iterator[dict[str, Any]]:
    """What a followed log says, over one connection after another, without end.

    wanted: the query of the next connection. away: as of `follow`, which raises the same.
    """
    pause, lost = FIRST_PAUSE, 0.0
    while True:
        query = {**wanted(), "follow": 1}
        try:
            with api.stream("GET", path, params=query, headers=NDJSON, timeout=SILENCE) as answer:
                for line in answer.iter_lines():
                    message = _message(line, api) if line.strip() else None
                    pause, lost = FIRST_PAUSE, 0.0  # an empty line, too: the server is there
                    if message is not None:
                        yield message
            gone = UnavailableError(f"{api.account.server} ended the log too early")
        except UnavailableError as error:
            gone = error
        now = time.monotonic()
        if not lost:
            lost = now
            away(gone.message)
        if now - lost > PATIENCE:
            raise gone
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _message(line: str, api: API) -> dict[str, Any]:
    try:
        message: dict[str, Any] = json.loads(line)
    except ValueError:  # the connection broke in the middle of it
        raise UnavailableError(f"{api.account.server} sent half a line") from None
    return message


def _ended(message: dict[str, Any]) -> Ended:
    return Ended(
        state=message["state"],
        live=message["live"],
        release=message.get("release"),
        url=message.get("url") or "",
        reason=message.get("reason") or "",
    )
