"""The audit log does not grow without end."""

from typing import Any

import pytest

from deployzero.deploy import retention
from deployzero.operations import events
from deployzero.store import users


async def test_the_oldest_events_go_in_batches(admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = await admin.person("boss", users.ADMIN)

    async def kept() -> list[str]:
        await retention.prune_events(admin.platform)
        return [event.action for event in await events.list_events(admin.platform, boss)]

    for action in "abcde":
        async with events.recorded(admin.platform, boss, action=action):
            pass
    assert await kept() == [*"abcde"]
    monkeypatch.setattr(retention, "MOST", 4)  # what changes something takes two ids
    monkeypatch.setattr(retention, "BATCH", 2)
    assert await kept() == [*"cde"]
    assert await kept() == [*"de"]
    assert await kept() == [*"de"]
