"""/healthz, which anybody may ask."""

import asyncio
from typing import Any

import pytest

from deployzero.api.routes import health


async def test_it_is_looked_once_for_all_who_ask(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    states = [{"database": "ok"}, {"database": "gone"}]

    async def look(_: Any) -> dict[str, str]:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return states[looks - 1]

    monkeypatch.setattr(health, "_look", look)
    monkeypatch.setattr(health, "FRESH", 60.0)
    answers = await asyncio.gather(*(api.get("/healthz") for _ in range(5)))
    assert {(each.status_code, each.json()["database"]) for each in answers} == {(200, "ok")}
    assert looks == 1


async def test_what_was_seen_does_not_stand_for_long(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert health.FRESH <= 1
    monkeypatch.setattr(health, "FRESH", 0.0)
    assert (await api.get("/healthz")).json()["database"] == "ok"
    monkeypatch.setattr(health, "_look", lambda _: asyncio.sleep(0, {"database": "gone"}))
    answer = await api.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"database": "gone"})
