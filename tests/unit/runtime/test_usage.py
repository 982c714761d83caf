from types import SimpleNamespace
from typing import Any

import pytest

from deployzero.runtime import usage as module
from deployzero.runtime.engine_stream import NoSuchContainerError
from deployzero.runtime.usage import Usage, usage

MB = 1 << 20
NOT_RUNNING = {"read": "0001-01-01T00:00:00Z", "memory_stats": {}, "cpu_stats": {}}


def stats(second: float, cpu_seconds: float, **cache: int) -> dict[str, Any]:
    return {
        "read": f"2026-01-01T00:00:{second:012.9f}Z",
        "cpu_stats": {"cpu_usage": {"total_usage": int(cpu_seconds * 1e9)}},
        "memory_stats": {"usage": 100 * MB, "limit": 512 * MB, "stats": cache},
    }


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 0)


def engine(*answers: dict[str, Any] | Exception) -> Any:
    rest = iter(answers)

    async def ask(method: str, target: str) -> Any:
        assert (method, target) == ("GET", "/containers/x/stats?stream=false&one-shot=true")
        answer = next(rest)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SimpleNamespace(ask=ask)


@pytest.mark.parametrize(
    ("cache", "memory"),
    [
        ({"total_inactive_file": 30 * MB, "inactive_file": 1}, 70 * MB),  # cgroup v1
        ({"inactive_file": 40 * MB}, 60 * MB),  # cgroup v2
        ({}, 100 * MB),
        ({"inactive_file": 200 * MB}, 100 * MB),
    ],
)
async def test_memory_is_what_docker_stats_shows(cache: dict[str, int], memory: int) -> None:
    found = await usage(engine(stats(1, 10, **cache), stats(1.5, 10.25, **cache)), "x")
    assert found == Usage(cpus=0.5, memory_bytes=memory, memory_limit=512 * MB)


async def test_what_was_started_again_meanwhile_uses_no_negative_cpu() -> None:
    found = await usage(engine(stats(1, 10), stats(1.5, 0.1)), "x")
    assert found is not None
    assert found.cpus == 0


@pytest.mark.parametrize("ended", [NOT_RUNNING, NoSuchContainerError("gone")])
async def test_what_does_not_run_or_ends_meanwhile_is_none(ended: Any) -> None:
    assert await usage(engine(ended), "x") is None
    assert await usage(engine(stats(1, 10), ended), "x") is None
