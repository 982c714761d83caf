"""releases and rollback, over SSH."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from deployzero.models.deployment import Project, State
from deployzero.models.release import Kind, Variable
from deployzero.store import deployments

LIMIT = 10.0
Run = Callable[..., Awaitable]


@pytest.fixture
async def hello(admin, deployed) -> Project:
    """v1 without its image, v2, v3 that set a variable, a restart of it."""
    project = await admin.app("hello", await admin.person("ann"))
    first = await deployed(project, message="first")
    async with admin.platform.database.begin() as session:
        await deployments.forget_image(session, first.id)
    await deployed(project, message="second")
    sealed = admin.platform.vault.seal_variables({"TOKEN": Variable("hunter2")}, {})
    await deployed(project, kind=Kind.CONFIG, message="Set TOKEN", variables=sealed)
    await deployed(project, kind=Kind.RESTART, message="Restart", variables=sealed)
    return project


async def test_releases_tell_when_who_what_and_which_is_live(run: Run, hello: Project) -> None:
    shown = (await run("ann", "releases hello")).out.splitlines()
    assert shown[0].split() == ["RELEASE", "WHEN", "WHO", "WHAT", "COMMIT", "STATE", "IMAGE"]
    assert [line.split()[0] for line in shown[1:]] == ["v3", "v2", "v1"]
    rest = [" ".join(line.split()[3:]) for line in shown[1:]]
    assert rest == [
        "ann config: Set TOKEN aaaaaaaaa live kept",
        "ann push: second aaaaaaaaa - kept",
        "ann push: first aaaaaaaaa - gone",
    ]
    newest = json.loads((await run("ann", "releases hello -n 1 --json")).out)
    assert [each["release"] for each in newest] == [3]


async def test_a_release_shows_the_names_of_its_config_and_no_value(
    run: Run, hello: Project
) -> None:
    shown = await run("ann", "releases:info hello v3")
    assert "TOKEN" in shown.out
    assert "hunter2" not in shown.out + (await run("ann", "releases:info hello 3 --json")).out
    assert json.loads((await run("ann", "releases:info hello v2 --json")).out)["config"] == []
    for release, why in (("v9", "hello has no release v9"), ("x", "'x' is no release")):
        assert why in (await run("ann", f"releases:info hello {release}")).err


async def test_a_rollback_that_cannot_be_says_which_can(run: Run, hello: Project) -> None:
    cases = {
        "v1": "v1 cannot be rolled back to: its image is not kept any more",
        "v3": "v3 is what is live",
    }
    for release, why in cases.items():
        refused = await run("ann", f"rollback hello {release}")
        assert refused.code == 1
        assert why in refused.err
        assert "You can roll back to v2: rollback hello v2" in refused.err
    assert "hello has no release v7" in (await run("ann", "rollback hello v7")).err


async def test_by_default_the_release_before_the_live_one_is_run_again(
    admin, run: Run, hello: Project
) -> None:
    running = asyncio.create_task(run("ann", "rollback hello"))
    async with asyncio.timeout(LIMIT):
        deployment = None
        while deployment is None:
            async with admin.platform.database.begin() as session:
                deployment = await deployments.claim_next(session)
            await asyncio.sleep(0.01)
    change = admin.platform.vault.open_change(deployment.change)
    assert (deployment.kind, change.release) == (Kind.ROLLBACK, 2)
    async with admin.platform.database.begin() as session:
        await deployments.transition(session, deployment.id, State.DEPLOYING, image="image")
        await deployments.commit_live(session, deployment.id)
    await admin.platform.logs.end(deployment.id)
    assert (await running).code == 0
    shown = (await run("ann", "releases hello -n 1")).out
    assert "v4" in shown
    assert "  Rollback to v2  " in shown


async def test_an_app_with_one_release_has_none_before_it(admin, run: Run, deployed) -> None:
    await deployed(await admin.app("one", await admin.person("ann")))
    refused = await run("ann", "rollback one")
    assert "one has no release before the live one" in refused.err
