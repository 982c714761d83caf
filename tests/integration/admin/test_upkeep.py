"""What is live is put back as the rows say, whatever else is broken. The engine is played."""

import asyncio
import dataclasses
import importlib
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from deployzero.deploy import deployment_manager, reconcile, watch
from deployzero.deploy.deployment_manager import DeploymentManager
from deployzero.deploy.reconcile import restore_app
from deployzero.deploy.vault import Vault
from deployzero.deploy.watch import Watch
from deployzero.deploy.worker import MOST_AT_ONCE, Worker
from deployzero.errors import ContainerError, SettingsError
from deployzero.models.deployment import Project, State
from deployzero.models.release import Kind
from deployzero.runtime.container import ContainerSpec
from deployzero.store import containers, deployments, projects

LIMIT = 10.0
up = importlib.import_module("deployzero.cli.up")  # its package names the command `up`


@pytest.fixture
def engine(admin: Any, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """An engine that holds nothing, starts what it is told to, and remembers it."""
    played = SimpleNamespace(started=[], removed=[], patch=monkeypatch)

    async def nothing(*_: object) -> list[object]:
        return []

    async def start(spec: ContainerSpec) -> str:
        played.started.append(spec)
        return spec.name

    async def remove(name: str) -> None:
        played.removed.append(name)

    async def status(_: str) -> None:
        return None

    async def reach(_: str, address: str, port: int) -> tuple[str, int]:
        return address, port

    async def drain(*_: object) -> None:
        return None

    runtime = admin.platform.runtime
    for call in ("list_containers", "list_images", "list_networks", "settle", "stop",
                 "remove_image"):  # fmt: skip
        monkeypatch.setattr(runtime, call, nothing)
    for made in (start, remove, status, reach):
        monkeypatch.setattr(runtime, made.__name__, made)
    for call in ("prove", "prove_gone"):
        monkeypatch.setattr(admin.platform.proxy, call, nothing)
    monkeypatch.setattr(reconcile, "archive", nothing)
    monkeypatch.setattr("deployzero.deploy.retire.archive", nothing)
    monkeypatch.setattr("deployzero.deploy.retire.drain", drain)
    return played


async def queued(admin: Any, project: Project, kind: Kind = Kind.RESTART, **more: Any) -> Any:
    async with admin.platform.database.begin() as session:
        return await deployments.create(
            session, project.id, project.user_id, "main", "b" * 40, kind=kind, **more
        )


async def claimed(admin: Any) -> Any:
    async with admin.platform.database.begin() as session:
        return await deployments.claim_next(session)


async def test_one_apps_broken_repository_keeps_no_other_from_serving(
    admin: Any, deployed: Any, engine: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    ann, repositories = await admin.person("ann"), admin.platform.repositories
    for name in ("damaged", "file", "well"):
        await deployed(await admin.app(name, ann))
    repositories.root.mkdir(parents=True, exist_ok=True)
    repositories.path("damaged").mkdir()
    (repositories.path("damaged") / "HEAD").write_text("ref: refs/heads/main\n")
    repositories.path("file").touch()
    await reconcile.reconcile(admin.platform)
    assert {spec.app for spec in engine.started} == {"damaged", "file", "well"}
    assert set(admin.platform.proxy.routes.apps()) == {"damaged", "file", "well"}
    assert "damaged's repository on the server is damaged" in caplog.text


async def test_a_rename_that_fails_while_a_container_is_down_is_undone_whole(
    admin: Any, deployed: Any, engine: SimpleNamespace
) -> None:
    project = await admin.app("hello", await admin.person("ann"))
    live = await deployed(project)
    restart = await queued(admin, project)
    async with admin.platform.database.begin() as session:
        await projects.rename(session, project, "world")
        await projects.set_rename_id(session, project.id, restart.id)
    restart = await claimed(admin)
    async with admin.platform.database.begin() as session:
        new = await containers.add(session, restart.id, "web", 1, "new", "10.1.0.2", 8000)
        await deployments.transition(session, restart.id, State.DEPLOYING)
        project = await projects.get(session, project.id)
    await restore_app(admin.platform, project, live)
    assert [spec.app for spec in engine.started] == ["hello"], "the network that it is on"

    async def broken(*_: object) -> None:
        raise ContainerError("the engine says no")

    engine.patch.setattr(deployment_manager, "restore_app", broken)
    engine.patch.setattr(deployment_manager, "take_turn", broken)
    await DeploymentManager(admin.platform).run(restart)
    assert new.name in engine.removed
    async with admin.platform.database.read() as session:
        assert (await deployments.get(session, restart.id)).state is State.ERROR
        assert (await projects.get(session, project.id)).name == "hello"


async def test_who_cancels_does_not_wait_for_a_log_that_is_slow_to_keep(
    admin: Any, deployed: Any, engine: SimpleNamespace
) -> None:
    project = await admin.app("hello", await admin.person("ann"))
    await deployed(project)
    await queued(admin, project)
    restart = await claimed(admin)
    async with admin.platform.database.begin() as session:
        new = await containers.add(session, restart.id, "web", 1, "new", "10.1.0.2", 8000)
    begun, kept = asyncio.Event(), asyncio.Event()

    async def take_turn(*_: object) -> None:
        begun.set()
        await asyncio.sleep(LIMIT)

    async def archive(*_: object) -> None:
        await kept.wait()

    engine.patch.setattr(deployment_manager, "CANCEL_LIMIT", 0.01)
    engine.patch.setattr(deployment_manager, "take_turn", take_turn)
    engine.patch.setattr("deployzero.deploy.retire.archive", archive)
    manager = DeploymentManager(admin.platform)
    async with asyncio.timeout(LIMIT):
        running = asyncio.create_task(manager.run(restart))
        await begun.wait()
        manager.cancel(restart.id, "ann")
        await running
        async with admin.platform.database.read() as session:
            assert (await deployments.get(session, restart.id)).state is State.CANCELLED
        assert new.name not in engine.removed
        kept.set()
        await asyncio.gather(*manager._retirements)
    assert new.name in engine.removed


async def test_a_stop_that_the_engine_did_not_follow_is_no_success(
    admin: Any, deployed: Any
) -> None:
    project = await admin.app("hello", await admin.person("ann"))
    await deployed(project)
    answer = await admin.run("ann", "ps:stop hello")
    assert answer.code == 1
    assert "1 of its processes may still run" in answer.err
    async with admin.platform.database.read() as session:
        assert (await projects.get(session, project.id)).stopped


async def test_an_app_that_is_being_deployed_is_cleared_in_a_later_round(
    admin: Any, deployed: Any, engine: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await admin.app("hello", await admin.person("ann"))
    old = await deployed(project)
    await deployed(project)
    waiting = await queued(admin, project)
    monkeypatch.setattr(watch, "LEFT_OVER", -1000.0)
    looking = Watch(admin.platform)
    await looking._clear_away()
    assert engine.started == engine.removed == []
    async with admin.platform.database.begin() as session:
        await deployments.transition(session, waiting.id, State.CANCELLED)
    await looking._clear_away()
    assert [name for name in engine.removed if name.endswith(f"d{old.id}")]


async def test_builds_that_wait_hold_up_nobodys_restart(
    admin: Any, engine: SimpleNamespace
) -> None:
    ann = await admin.person("ann")
    apps = [await admin.app(f"app{number}", ann) for number in range(MOST_AT_ONCE + 1)]
    begun: set[int] = set()

    class Manager:
        waiting = MOST_AT_ONCE

        async def run(self, deployment: Any) -> None:
            begun.add(deployment.id)
            await asyncio.sleep(LIMIT)

        async def close(self) -> None:
            return None

    worker = Worker(admin.platform)
    worker._manager, worker._begun = Manager(), True  # type: ignore[assignment]
    for app in apps:
        await queued(admin, app)
    working = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(LIMIT):
            while len(begun) < len(apps):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_a_worker_that_is_woken_as_it_is_cancelled_ends(
    admin: Any, engine: SimpleNamespace
) -> None:
    for ticks in range(6):  # of the loop, between the two
        working = asyncio.create_task(Worker(admin.platform).run())
        await asyncio.sleep(0.1)  # it waits for the queue
        admin.platform.queue.wake()
        for _ in range(ticks):
            await asyncio.sleep(0)
        working.cancel()
        await asyncio.wait({working}, timeout=LIMIT)
        assert working.cancelled(), ticks


@pytest.mark.parametrize(
    ("kind", "hint"),
    [(Kind.PUSH, "Push the same commit again."), (Kind.ARCHIVE, "Send the archive again."),
     (Kind.SCALE, "ask for the scale again")],
)  # fmt: skip
async def test_who_was_interrupted_hears_what_to_do_again(
    admin: Any, kind: Kind, hint: str
) -> None:
    project = await admin.app("hello", await admin.person("ann"))
    deployment = await queued(admin, project, kind)
    await reconcile.end_interrupted(admin.platform, deployment)
    lines = [line.text async for line in admin.platform.logs.follow(deployment.id)]
    assert hint in lines[-1]


async def test_a_branch_that_is_chosen_beside_a_commit_is_the_only_one(
    admin: Any, deployed: Any
) -> None:
    project = await admin.app("hello", await admin.person("ann"))
    live, repositories = await deployed(project), admin.platform.repositories
    before = repositories.set_branch

    async def chosen_meanwhile(app: str, branch: str, commit: str | None) -> None:
        async with admin.platform.database.begin() as session:
            await deployments.set_branch(session, project.id, "other")
        await before(app, branch, commit)

    manager = DeploymentManager(admin.platform)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(repositories), "set_branch", lambda _, *given: chosen_meanwhile(*given))
        await manager._name_commit(live)
    with repositories.open("hello") as repo:
        assert set(repo.refs.as_dict(b"refs/heads")) == {b"other"}


async def test_nothing_waits_for_a_destroy_that_waits(
    admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []

    async def waits(_: object) -> None:
        begun.append(1)
        await asyncio.sleep(LIMIT)

    monkeypatch.setattr(watch, "complete", waits)
    looking = Watch(admin.platform)
    for _ in range(2):
        looking._complete_beside()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert begun == [1]
    looking._completing.cancel()  # type: ignore[union-attr]


async def test_up_says_that_its_secret_key_does_not_fit(
    admin: Any, deployed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    await up._greet(admin.platform)
    await deployed(await admin.app("hello", await admin.person("ann")))
    await up._greet(admin.platform)
    assert "secret.key" not in capsys.readouterr().out
    await up._greet(dataclasses.replace(admin.platform, vault=Vault(b"x" * 32)))
    assert "the data folder's secret.key does not fit" in capsys.readouterr().out


async def test_what_another_key_sealed_neither_undoes_the_firewall_nor_fills_the_log(
    admin: Any, caplog: pytest.LogCaptureFixture
) -> None:
    looking = Watch(admin.platform)
    looking._guarded = True

    async def fails(error: Exception) -> None:
        raise error

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            await looking._tell(fails(SettingsError("the key does not fit")))
    assert looking._guarded
    assert caplog.text.count("the key does not fit") == 1
    await looking._tell(fails(ContainerError("the engine is away")))
    assert not looking._guarded


async def test_an_app_without_a_check_of_its_own_is_not_asked_at_each_look(
    admin: Any, deployed: Any, engine: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request is a line in its log."""
    await deployed(await admin.app("hello", await admin.person("ann")))
    asked: list[str | None] = []
    answers = ["", "", "it answers 500", "", ""]

    async def check_once(_: object, port: int, checks: Any, host: str) -> str:
        asked.append(checks[0].path)
        return answers[len(asked) - 1]

    async def status(_: str) -> SimpleNamespace:
        return SimpleNamespace(running=True, settled=True)

    monkeypatch.setattr(admin.platform.runtime, "status", status)
    monkeypatch.setattr(watch, "check_once", check_once)
    looking = Watch(admin.platform)
    for _ in answers:
        await looking.look()
    assert asked == ["/", None, None, "/", None]
