"""Whether `ps` tells that a process was out of memory."""

import dataclasses

import pytest

from deployzero.models.deployment import Container
from deployzero.operations import processes
from deployzero.runtime.container import ContainerStatus

STATUS = ContainerStatus(
    name="web",
    running=True,
    exit_code=0,
    oom_killed=False,
    pid=7,
    started_at=None,
    finished_at=None,
    restarts=0,
    address="",
)


def process(status: ContainerStatus | None) -> processes.Process:
    return processes.Process(Container.__new__(Container), status, 512 << 20, 0.5)


@pytest.mark.parametrize(("kills", "starved"), [(0, False), (1, True)])
def test_a_worker_that_the_kernel_killed_shows_although_the_process_runs_on(
    monkeypatch: pytest.MonkeyPatch, kills: int, starved: bool
) -> None:
    monkeypatch.setattr(processes, "oom_kills", lambda pid: kills)
    assert process(STATUS).starved is starved


def test_a_process_that_was_killed_itself_shows_while_it_is_down() -> None:
    down = dataclasses.replace(STATUS, running=False, pid=0, oom_killed=True)
    assert process(down).starved
    assert not process(None).starved
