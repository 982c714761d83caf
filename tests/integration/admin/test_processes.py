"""ps:* and resource:*, over SSH; what they queue is looked at, not run."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable

import pytest

from deployzero.errors import ContainerError, NotFoundError
from deployzero.models.deployment import Deployment, Project, State, User
from deployzero.models.release import Change, Kind, Limits, Variable
from deployzero.operations import processes
from deployzero.runtime.usage import Usage
from deployzero.store import deployments, projects

LIMIT = 10.0
Run = Callable[..., Awaitable]
REFUSED = (
    ("ps:scale hello web", "'web' is no PROCESS=COUNT"),
    ("ps:scale hello web=-1", "'web=-1' is no PROCESS=COUNT"),
    ("ps:scale hello web=1e3", "is no PROCESS=COUNT"),
    ("ps:scale hello web=101", "0 to 100 of a process may run"),
    ("ps:scale hello web=1 nope=2", "hello has no process 'nope'"),
    ("ps:scale hello release=1", "hello has no process 'release'"),
    ("resource:limit hello", "there is no limit given"),
    ("resource:limit hello --memory much", "'much' is not a size"),
    ("resource:limit hello --memory 5m", "less than the 6m"),
    ("resource:limit hello --cpus 0", "bad cpus: 0"),
    ("resource:limit hello --cpus 1000", f"bad cpus: 1000: the machine has {os.cpu_count()}"),
    ("resource:limit hello --memory 100000g", "bad memory: 100000g: the machine has "),
    ("resource:limit hello --cpus nan", "bad cpus: nan"),
    ("resource:limit hello --cpus half", "'half' is not a valid float"),
    ("resource:limit hello --cpus 1 --process-type nope", "hello has no process 'nope'"),
)


@pytest.fixture
async def hello(admin, deployed) -> Project:
    """Live: two web processes and a worker."""
    project = await admin.app("hello", await admin.person("ann"))
    secret = {"TOKEN": Variable("hunter2")}
    sealed = admin.platform.vault.seal_variables(secret, {})
    await deployed(project, {"worker": 1, "web": 2}, variables=sealed)
    return project


async def queued(admin, project: Project) -> tuple[Deployment, Change]:
    """What waits, and what it is to change; it is ended, so that who follows it is answered."""
    async with asyncio.timeout(LIMIT):
        while True:
            async with admin.platform.database.begin() as session:
                found = await deployments.unfinished_of(session, project.id)
                if found:
                    deployment = await deployments.get(session, found[0].id)
                    await deployments.transition(
                        session, deployment.id, State.ERROR, reason="it was played"
                    )
                    break
            await asyncio.sleep(0.01)
    await admin.platform.logs.end(deployment.id)
    return deployment, admin.platform.vault.open_change(deployment.change)


async def test_ps_shows_every_process_even_without_the_engine(admin, run: Run, hello) -> None:
    shown = await run("ann", "ps hello")
    assert shown.code == 0
    assert shown.out.splitlines()[0] == "hello v1 http://hello.localhost:8080"
    table = [line.split() for line in shown.out.splitlines()[1:]]
    assert [line[0] for line in table] == ["PROCESS", "web.1", "web.2", "worker.1"]
    assert table[1][1:6] == ["healthy", "-", "-", "512m", "0.5"]
    assert table[1][6] == "hello.web.1.d1"
    async with admin.platform.database.begin() as session:
        await projects.set_stopped(session, hello.id)
        await projects.set_lock(session, hello.id, "ann")
    told = (await run("ann", "ps hello")).out
    assert "It is stopped: ps:start hello" in told
    assert "It is locked by ann: apps:unlock hello" in told


async def test_inspecting_names_variables_and_shows_no_value(run: Run, hello) -> None:
    shown = await run("ann", "ps:inspect hello")
    assert "hunter2" not in shown.out
    first = json.loads(shown.out)[0]
    assert {"PORT", "TOKEN"} <= set(first["variables"])
    assert first["memory_bytes"] == 512 << 20


async def test_what_makes_no_sense_is_refused_before_it_is_queued(admin, run: Run, hello) -> None:
    for command, why in REFUSED:
        refused = await run("ann", command)
        assert (refused.code, why in refused.err) == (1, True), refused
    async with admin.platform.database.read() as session:
        assert await deployments.unfinished(session) == []


async def test_an_app_without_a_release_says_that_it_has_none(admin, run: Run) -> None:
    await admin.app("empty", await admin.person("ann"))
    assert "It is not deployed yet." in (await run("ann", "ps empty")).out
    for command in ("ps:scale empty web=1", "ps:scale empty", "ps:restart empty", "ps:stop empty",
                    "ps:start empty", "ps:rebuild empty", "resource:report empty",
                    "ps:inspect empty", "rollback empty"):  # fmt: skip
        assert "empty is not deployed yet" in (await run("ann", command)).err


async def test_each_command_queues_its_deployment_and_follows_it(admin, run: Run, hello) -> None:
    cases = {
        "ps:scale hello web=3 worker=0": (Kind.SCALE, Change(formation={"web": 3, "worker": 0})),
        "ps:restart hello": (Kind.RESTART, Change()),
        "ps:rebuild hello": (Kind.REBUILD, Change()),
        "resource:limit hello --memory 256m": (Kind.RESTART, limits("", "256m")),
        "resource:limit hello --cpus 1.5 --process-type web": (
            Kind.RESTART, limits("web", None, 1.5),
        ),
        "resource:limit-clear hello": (
            Kind.RESTART, Change(limits={"": Limits()}, reset_limits=True),
        ),
    }  # fmt: skip
    for command, (kind, change) in cases.items():
        running = asyncio.create_task(run("ann", command))
        deployment, found = await queued(admin, hello)
        assert (deployment.kind, found) == (kind, change)
        assert (await running).code == 1  # as it was played: what does not go live fails


def limits(process: str, memory: str | None = None, cpus: float | None = None) -> Change:
    return Change(limits={process: Limits(memory, cpus)})


async def test_a_limit_leaves_the_other_as_it_was(admin, run: Run, hello) -> None:
    async with admin.platform.database.begin() as session:
        await projects.settle_live(session, hello.id, limits("web", "1g"))
    running = asyncio.create_task(run("ann", "resource:limit hello --cpus 2 --process-type web"))
    _, change = await queued(admin, hello)
    assert change == limits("web", None, 2.0)
    await running
    shown = (await run("ann", "resource:report hello")).out.splitlines()
    assert [line.split() for line in shown] == [
        ["PROCESS", "MEMORY", "CPUS"],
        ["worker", "512m", "(default)", "0.5", "(default)"],
        ["web", "1g", "0.5", "(default)"],
    ]


async def test_limits_that_were_queued_together_all_hold_in_their_order(admin, hello) -> None:
    ann = User(hello.user_id, "ann", "member")
    for given, reset in ((Limits("1g"), False), (Limits(cpus=1.0), False), (Limits("2g"), True)):
        await processes.set_limits(admin.platform, ann, "hello", "web", given, reset)
    found = []
    async with admin.platform.database.begin() as session:
        for waiting in await deployments.unfinished_of(session, hello.id):
            deployment = await deployments.get(session, waiting.id)
            change = admin.platform.vault.open_change(deployment.change)
            await projects.settle_live(session, hello.id, change)
            found.append((await projects.get(session, hello.id)).limits["web"])
    wanted = (("1g", None), ("1g", 1.0), ("2g", None))
    assert found == [{"memory": memory, "cpus": cpus} for memory, cpus in wanted]


async def test_starting_what_runs_is_no_failure(run: Run, hello) -> None:
    done = await run("ann", "ps:start hello")
    assert (done.code, done.err) == (0, "")
    assert "hello runs already" in done.out


async def test_a_stopped_app_is_only_started(admin, run: Run, hello) -> None:
    async with admin.platform.database.begin() as session:
        await projects.set_stopped(session, hello.id)
    for command in ("ps:scale hello web=2", "ps:restart hello", "resource:limit hello --cpus 1"):
        refused = await run("ann", command)
        assert "hello is stopped" in refused.err
        assert "ps:start hello" in refused.err
    again = await run("ann", "ps:stop hello")
    assert (again.code, again.err) == (0, "")
    assert "hello is stopped already" in again.out
    starting = asyncio.create_task(run("ann", "ps:start hello"))
    assert (await queued(admin, hello))[0].kind is Kind.RESTART
    await starting


async def test_scaling_and_destroying_at_once_end_consistently(
    admin, run: Run, hello, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> list:
        return []

    for call in ("list_containers", "list_images", "remove_network"):
        monkeypatch.setattr(admin.platform.runtime, call, nothing)
    scaling = [run("ann", f"ps:scale hello web={count}") for count in range(1, 6)]
    destroying = run("ann", "apps:destroy hello --force")
    *scaled, destroyed = await asyncio.gather(*scaling, destroying)
    assert destroyed.code == 0, destroyed
    for each in scaled:
        assert each.code == 1
        told = ("there is no app hello" in each.err, "hello is gone" in each.err)
        assert any(told) or "cancelled by ann" in each.out
    async with admin.platform.database.read() as session:
        assert await projects.by_id(session, hello.id) is None
        assert await deployments.unfinished(session) == []


async def test_usage_is_of_the_live_processes_that_run_for_whoever_may_see_them(
    admin, deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = [await admin.person(name) for name in ("ann", "bob")]
    await deployed(await admin.app("hello", ann), {"worker": 1, "web": 2})

    async def measured(name: str) -> Usage | None:
        return None if ".web.2." in name else Usage(0.25, 64 << 20, 512 << 20)

    with monkeypatch.context() as patch:
        patch.setattr(admin.platform.runtime, "usage", measured)
        found = await processes.usage(admin.platform, ann, "hello")
        with pytest.raises(NotFoundError):
            await processes.usage(admin.platform, bob, "hello")
    numbers = (0.25, 64 << 20, 512 << 20)
    assert found == [
        processes.Usage("web", 1, *numbers),
        processes.Usage("worker", 1, *numbers),
    ]
    with pytest.raises(ContainerError):  # there is no engine
        await processes.usage(admin.platform, ann, "hello")
