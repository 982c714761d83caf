"""builds:*, over SSH; the worker is played by the test."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from deployzero.models.deployment import Deployment, Project, State
from deployzero.store import deployments

LIMIT = 10.0
Run = Callable[..., Awaitable]


@pytest.fixture
async def hello(admin, deployed) -> Project:
    """Three builds, with ids 1 to 3."""
    project = await admin.app("hello", await admin.person("ann"))
    for number in range(1, 4):
        await deployed(project, message=f"change {number}", logs=[f"line {number}", "the end"])
    return project


async def begin(admin, project: Project) -> Deployment:
    """One that is under way."""
    async with admin.platform.database.begin() as session:
        await deployments.create(session, project.id, project.user_id, "main", "b" * 40)
        claimed = await deployments.claim_next(session)
    assert claimed is not None
    return claimed


async def end(admin, deployment: Deployment, to: State) -> None:
    async with admin.platform.database.begin() as session:
        await deployments.transition(session, deployment.id, to, reason="cancelled by ann")
    await admin.platform.logs.end(deployment.id)


async def test_builds_are_listed_newest_first_page_by_page(run: Run, hello: Project) -> None:
    shown = (await run("ann", "builds:list hello")).out.splitlines()
    assert [line.split()[0] for line in shown] == ["ID", "3", "2", "1"]
    assert shown[1].split()[3:] == [
        "ann", "push:", "change", "3", "aaaaaaaaa", "live", "0.5", "v3"
    ]  # fmt: skip
    page = json.loads((await run("ann", "builds:list hello -n 1 --before 3 --json")).out)
    assert [each["id"] for each in page] == [2]
    assert json.loads((await run("ann", "builds:info hello 2 --json")).out)["state"] == "retired"


async def test_the_output_of_any_build_is_there(admin, run: Run, hello: Project) -> None:
    assert (await run("ann", "builds:output hello 1")).out == "line 1\nthe end\n"
    for words in ("", "current", "3 -f"):
        assert (await run("ann", f"builds:output hello {words}")).out == "line 3\nthe end\n"
    under_way = await begin(admin, hello)
    admin.platform.logs.append(under_way.id, "so far")
    await admin.platform.logs.flush(under_way.id)
    assert (await run("ann", "builds:output hello")).out == "so far\n"
    following = asyncio.create_task(run("ann", "builds:output hello current -f"))
    admin.platform.logs.append(under_way.id, "and on")
    await end(admin, under_way, State.ERROR)
    assert (await following).out == "so far\nand on\n"


async def test_another_apps_build_is_no_build_of_this_one(admin, run: Run, hello, deployed) -> None:
    other = await deployed(await admin.app("other", await admin.person("bob")), logs=["secret"])
    for command in ("info", "output", "cancel"):
        refused = await run("ann", f"builds:{command} hello {other.id}")
        assert f"hello has no build {other.id}" in refused.err
        assert "secret" not in refused.out
    assert "'x' is no build" in (await run("ann", "builds:info hello x")).err


async def test_cancelling_says_how_it_ended(admin, run: Run, hello: Project) -> None:
    assert "nothing is under way for hello" in (await run("ann", "builds:cancel hello")).err
    assert "had ended: it is retired" in (await run("ann", "builds:cancel hello 1")).err
    under_way = await begin(admin, hello)
    cancelling = asyncio.create_task(run("ann", "builds:cancel hello"))
    asked: dict[int, str] = {}
    async with asyncio.timeout(LIMIT):
        while not asked:
            await admin.platform.queue.woken()
            asked = admin.platform.queue.take_cancels()
    assert asked == {under_way.id: "ann"}
    await end(admin, under_way, State.CANCELLED)
    answer = await cancelling
    assert (answer.code, answer.out) == (
        0, f"=====> Build {under_way.id} (push) is cancelled by ann\n"
    )  # fmt: skip
