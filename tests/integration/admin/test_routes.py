"""An app's route has one writer at a time, whatever happens to its domains meanwhile."""

import asyncio
import dataclasses
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from deployzero.deploy import routes
from deployzero.deploy.platform import Platform
from deployzero.deploy.rename import finish_rename
from deployzero.models.deployment import Container, Project, State
from deployzero.routing.proof import Proof
from deployzero.routing.route import Route
from deployzero.routing.route_files import RouteFiles
from deployzero.store import containers, deployments, projects
from deployzero.store.tables import DomainRow


class SlowProxy:
    """Route files as they are; a proof waits until the test lets it go."""

    def __init__(self, folder: Path) -> None:
        self.routes = RouteFiles(folder / "routes", folder / "incoming")
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()
        self.proven: list[str] = []

    async def prove(self, route: Route, path: str | None, timeout: float) -> Proof:
        self.asked.set()
        await self.let_go.wait()
        self.proven.append(route.marker)
        return Proof(0.0, 200)

    async def prove_gone(self, app: str, timeout: float) -> float:
        return 0.0


@pytest.fixture
async def live(admin: Any, tmp_path: Path) -> SimpleNamespace:
    """An app of root's with one live container, on a proxy that waits."""
    platform = dataclasses.replace(admin.platform, proxy=SlowProxy(tmp_path))
    async with platform.database.begin() as session:
        project = await projects.create(session, "hello", 1)
        made = await deployments.create(session, project.id, 1, "main", "a" * 40)
        await deployments.claim_next(session)
        await deployments.transition(session, made.id, State.DEPLOYING)
        await deployments.commit_live(session, made.id)
        old = await containers.add(session, made.id, "web", 1, "old", "10.0.0.2", 8000)
        new = await containers.add(session, made.id, "web", 2, "new", "10.0.0.3", 8000)
    return SimpleNamespace(platform=platform, project=project, old=old, new=new)


async def add_domain(platform: Platform, project: Project, name: str) -> None:
    async with platform.database.begin() as session:
        session.add(DomainRow(project_id=project.id, name=name))


async def switch(live: SimpleNamespace, row: Container) -> int:
    async with routes.held(live.platform, "hello"):
        return await routes.switch(live.platform, "hello", live.project.id, [row], "/")


async def test_a_domain_that_comes_during_a_switch_never_points_back(
    live: SimpleNamespace,
) -> None:
    proxy = live.platform.proxy
    proxy.let_go.set()
    await switch(live, live.old)
    proxy.let_go.clear()
    proxy.asked.clear()
    switching = asyncio.create_task(switch(live, live.new))
    await proxy.asked.wait()
    await add_domain(live.platform, live.project, "www.example.com")
    adding = asyncio.create_task(routes.set_hosts(live.platform, live.project.id))
    await asyncio.sleep(0)
    assert proxy.routes.read("hello").hosts == ("hello.localhost",)
    proxy.let_go.set()
    async with asyncio.timeout(10):
        await asyncio.gather(switching, adding)
    route = proxy.routes.read("hello")
    assert route.backends == (("10.0.0.3", 8000),)
    assert route.hosts == ("hello.localhost", "www.example.com")
    assert len(set(proxy.proven)) == 3, "each state of the route is proven by its own marker"


async def test_who_is_cancelled_holds_the_route_until_it_is_written(
    live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, begun, let_go = live.platform.proxy, threading.Event(), threading.Event()
    proxy.let_go.set()
    write = RouteFiles.write

    def slow(files: RouteFiles, route: Route) -> None:
        begun.set()
        assert let_go.wait(10)
        write(files, route)

    monkeypatch.setattr(RouteFiles, "write", slow)
    switching = asyncio.create_task(switch(live, live.new))
    await asyncio.to_thread(begun.wait, 10)
    switching.cancel()
    monkeypatch.setattr(RouteFiles, "write", write)
    restoring = asyncio.create_task(switch(live, live.old))
    await asyncio.sleep(0.05)  # as long as it takes to overtake
    assert proxy.routes.read("hello") is None
    let_go.set()
    async with asyncio.timeout(10):
        await restoring
    assert proxy.routes.read("hello").backends == (("10.0.0.2", 8000),)
    assert switching.cancelled()


async def test_hosts_without_a_route_wait_for_one(live: SimpleNamespace) -> None:
    await add_domain(live.platform, live.project, "www.example.com")
    await routes.set_hosts(live.platform, live.project.id)
    assert live.platform.proxy.routes.read("hello") is None


async def test_while_an_app_is_renamed_the_route_that_serves_follows_its_domains(
    live: SimpleNamespace,
) -> None:
    platform, project_id = live.platform, live.project.id
    platform.proxy.let_go.set()
    await routes.restore(platform, "hello", project_id)
    async with platform.database.begin() as session:
        await projects.rename(session, live.project, "world")
    await add_domain(platform, live.project, "www.example.com")
    await routes.set_hosts(platform, project_id)
    assert platform.proxy.routes.read("hello").hosts == ("hello.localhost", "www.example.com")
    assert platform.proxy.routes.read("world") is None


async def test_a_rename_that_failed_leaves_the_route_as_the_rows_have_it(
    live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, project_id = live.platform, live.project.id

    async def none(*_: object) -> list[Any]:
        return []

    for call in ("list_containers", "remove_network"):
        monkeypatch.setattr(platform.runtime, call, none)
    platform.proxy.let_go.set()
    await routes.restore(platform, "hello", project_id)
    async with platform.database.begin() as session:
        await projects.rename(session, live.project, "world")
        restart = await deployments.create(session, project_id, 1, "main", "a" * 40)
        await projects.set_rename_id(session, project_id, restart.id)
    await add_domain(platform, live.project, "www.example.com")  # and no more: it was cut off
    await routes.restore(platform, "world", project_id)  # as a deployment does that fails
    async with platform.database.begin() as session:
        await deployments.transition(session, restart.id, State.ERROR)
    assert await finish_rename(platform, project_id)
    assert platform.proxy.routes.apps() == ["hello"]
    assert platform.proxy.routes.read("hello").hosts == ("hello.localhost", "www.example.com")


async def test_nobody_restores_a_route_under_a_name_that_is_the_apps_no_more(
    live: SimpleNamespace,
) -> None:
    live.platform.proxy.let_go.set()
    async with live.platform.database.begin() as session:
        await projects.rename(session, live.project, "world")
        await projects.forget_previous_name(session, live.project.id, "hello")
    await routes.restore(live.platform, "hello", live.project.id)
    assert live.platform.proxy.routes.read("hello") is None


async def test_a_route_is_restored_as_the_rows_say_and_leads_nowhere_when_the_app_is_stopped(
    live: SimpleNamespace,
) -> None:
    live.platform.proxy.let_go.set()
    await routes.restore(live.platform, "hello", live.project.id)
    backends = live.platform.proxy.routes.read("hello").backends
    assert backends == (("10.0.0.2", 8000), ("10.0.0.3", 8000))
    async with live.platform.database.begin() as session:
        await projects.set_stopped(session, live.project.id)
    await routes.restore(live.platform, "hello", live.project.id)
    assert live.platform.proxy.routes.read("hello").backends == ()
    assert live.platform.proxy.routes.read("hello").hosts == ("hello.localhost",)


async def test_a_route_file_of_an_older_form_is_written_anew(live: SimpleNamespace) -> None:
    live.platform.proxy.let_go.set()
    await routes.restore(live.platform, "hello", live.project.id)
    files = live.platform.proxy.routes
    route = files.read("hello")
    old = yaml.safe_load((files.routes / "hello.yml").read_text())
    del old["http"]["routers"]["hello-proof"]["priority"]
    files.put("hello.yml", old)
    assert files.read("hello") == route
    await routes.restore(live.platform, "hello", live.project.id)
    assert files.holds(route)
