"""A deployment's log as it comes, over whatever happens to the connection."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from deployzero.client.api import API, UnavailableError

SILENCE = httpx.Timeout(50.0, connect=10.0)
"""The server sends an empty line every 15 seconds."""
PATIENCE = 300.0
"""Seconds without the server before it is given up."""
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
    heard, pause, told = time.monotonic(), FIRST_PAUSE, False
    while True:
        try:
            for message in _messages(api, deployment_id, since):
                heard, pause, told = time.monotonic(), FIRST_PAUSE, False
                if message["type"] == "status":
                    yield _ended(message)
                    return
                since = message["seq"]
                yield Line(since, message["data"])
            lost = UnavailableError(f"{api.account.server} ended the log too early")
        except UnavailableError as error:
            lost = error
        if time.monotonic() - heard > PATIENCE:
            raise lost
        if not told:
            away(lost.message)
        told = True
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _messages(api: API, deployment_id: int, since: int) -> Iterator[dict[str, Any]]:
    with api.stream(
        "GET",
        f"/deployments/{deployment_id}/logs",
        params={"follow": 1, "since": since},
        headers={"Accept": "application/x-ndjson"},
        timeout=SILENCE,
    ) as answer:
        for line in answer.iter_lines():
            if line.strip():
                yield _message(line, api)


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
