"""Programs that somebody talks to, with an engine that only listens."""

from types import SimpleNamespace
from typing import Any

import pytest

from deployzero.runtime.attachment import Attachment
from deployzero.runtime.docker_sessions import DockerSessions


class FakeEngine:
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def ask(self, method: str, target: str, body: Any = None) -> dict[str, str]:
        self.asked.append(f"{target} {body}")
        return {"Id": "5"}

    async def open(self, *_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(reader=self, close=lambda: None)

    async def read(self, most: int) -> bytes:
        return b""


async def programs(engine: FakeEngine) -> list[Attachment]:
    sessions = DockerSessions(engine)  # type: ignore[arg-type]

    async def remove() -> None: ...

    return [
        await sessions.attach("c", False, remove),
        await sessions.execute("c", ("sh",), {}, False),
    ]


@pytest.mark.parametrize("name", ["TERM 1; touch /tmp/x;", "$(id)", "9", "", "WINCH"])
async def test_a_signal_that_ssh_does_not_know_reaches_no_container(name: str) -> None:
    engine = FakeEngine()
    for program in await programs(engine):
        engine.asked.clear()
        await program.signal(name)
        assert engine.asked == []
        await program.signal("USR1")
        assert "USR1" in engine.asked[0]
