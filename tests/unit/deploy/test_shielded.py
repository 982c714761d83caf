"""Work that no cancelling cuts off."""

import asyncio

import pytest

from deployzero.deploy.shielded import shielded


async def cut_off(task: asyncio.Task[object], work: asyncio.Event, times: int) -> None:
    """Cancel the task while its work goes on, then let that end."""
    for _ in range(times):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    work.set()
    await asyncio.wait({task})


async def test_its_result_is_given_and_its_error_raised() -> None:
    async def fails() -> None:
        raise OSError("full")

    assert await shielded(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(OSError, match="full"):
        await shielded(fails())


@pytest.mark.parametrize("times", [1, 2])
async def test_who_is_cancelled_waits_for_the_end_however_often(times: int) -> None:
    go, ended = asyncio.Event(), []

    async def work() -> None:
        await go.wait()
        ended.append(True)

    task = asyncio.create_task(shielded(work()))
    await cut_off(task, go, times)
    assert task.cancelled()
    assert ended == [True]


async def test_an_error_behind_a_cancelled_caller_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    go = asyncio.Event()

    async def work() -> None:
        await go.wait()
        raise OSError("full")

    task = asyncio.create_task(shielded(work()))
    await cut_off(task, go, 1)
    assert task.cancelled()
    assert "OSError: full" in caplog.text
