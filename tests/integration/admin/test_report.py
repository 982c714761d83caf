"""One page about the server or an app, and what nothing needs any more."""

import dataclasses
import json
import os
from typing import Any

import pytest

from deployzero.deploy import variables
from deployzero.deploy.platform import Platform
from deployzero.errors import ContainerError, ForbiddenError
from deployzero.models.deployment import State, User
from deployzero.models.release import Variable
from deployzero.operations.cleanup import OLD_CHECKOUT, Leftover, cleanup
from deployzero.routing.route import Route
from deployzero.runtime.container import ContainerSummary, Image
from deployzero.store import containers, deployments, projects, users

Admin = Any  # made in conftest
Deployed = Any
SECRET = "correct-horse-battery-staple"


async def fail(admin: Admin, project: Any, owner: User, reason: str) -> None:
    async with admin.platform.database.begin() as session:
        row = await deployments.create(session, project.id, owner.id, "main", "b" * 40)
        await deployments.claim_next(session)
        await deployments.transition(session, row.id, State.ERROR, reason=reason)


async def test_the_server_on_one_page(admin: Admin, deployed: Deployed) -> None:
    async with admin.platform.database.begin() as session:
        root = await users.by_name(session, "root")
    up, down, stopped = [await admin.app(name, root) for name in ("up", "down", "stopped")]
    await admin.app("empty", root)
    for project in (up, stopped):
        await deployed(project)
    fallen = await deployed(down)
    await fail(admin, up, root, "the build failed")
    async with admin.platform.database.begin() as session:
        for row in await containers.of_deployment(session, fallen.id):
            await containers.set_health(session, row.id, "down")
        await projects.set_stopped(session, stopped.id)
        await deployments.create(session, up.id, root.id, "main", "c" * 40)

    page = (await admin.run("root", "report")).out
    assert "4 all, 1 live, 1 stopped, 1 down, 1 not deployed" in page
    assert "the build failed" in page
    found = json.loads((await admin.run("root", "report --json")).out)
    assert found["apps"] == {"all": 4, "live": 1, "stopped": 1, "down": 1, "not deployed": 1}
    assert [each["state"] for each in found["queue"]] == ["created"]
    assert [each["reason"] for each in found["failures"]] == ["the build failed"]
    assert found["database"] == "sqlite"
    assert found["memory_bytes"] > 1 << 20
    # There is neither engine nor proxy here, and the page comes nevertheless.
    assert "engine" in found["engine"].lower()
    assert found["proxy"] == "does not answer"


async def test_an_app_on_one_page(admin: Admin, deployed: Deployed) -> None:
    ada = await admin.person("ada")
    project = await admin.app("hello", ada)
    await deployed(project, {"web": 2, "worker": 1})
    await fail(admin, project, ada, "the boot failed")
    async with admin.platform.database.begin() as session:
        own = {"TOKEN": Variable(SECRET)}
        await variables.store(session, admin.platform.vault, project.id, own)
    page = (await admin.run("ada", "report hello")).out
    for part in ("=====> hello", "web.2", "worker.1", "the boot failed", "512m", "python"):
        assert part in page
    found = json.loads((await admin.run("ada", "report hello --json")).out)
    assert found["failure"]["reason"] == "the boot failed"
    assert len(found["processes"]) == 3
    assert SECRET not in page + json.dumps(found)


async def test_who_may_see_a_report(admin: Admin) -> None:
    ada = await admin.person("ada")
    await admin.app("hello", ada)
    await admin.person("eve")
    assert "only an admin" in (await admin.run("ada", "report")).err
    assert "only an admin" in (await admin.run("ada", "cleanup")).err
    assert "there is no app hello" in (await admin.run("eve", "report hello")).err


class FakeRuntime:
    """An engine's lists, and what was removed from it."""

    def __init__(self, instance: str, images: dict[str, int], strangers: dict[str, int]) -> None:
        self.removed: list[str] = []
        self._images = [
            Image(tag, () if tag.startswith("sha256") else (tag,),
                  {"deployzero.instance": instance, "deployzero.deployment": str(number)}, 5)
            for tag, number in images.items()
        ]  # fmt: skip
        self._containers = [
            ContainerSummary(name, "hello", number, "web", 1, "i", True, "10.0.0.1",
                             labels={"deployzero.run": "detached"} if "run" in name else {})
            for name, number in strangers.items()
        ]  # fmt: skip

    async def list_containers(self) -> list[ContainerSummary]:
        return self._containers

    async def list_images(self) -> list[Image]:
        return self._images

    async def list_networks(self) -> list[str]:
        return ["hello", "gone"]

    async def remove(self, name: str) -> None:
        self.removed.append(name)

    async def remove_image(self, name: str) -> None:
        if "used" in name:
            raise ContainerError("a container uses it")
        self.removed.append(name)

    remove_network = remove


@pytest.fixture
async def untidy(admin: Admin, deployed: Deployed) -> tuple[Platform, FakeRuntime, User]:
    async with admin.platform.database.begin() as session:
        root = await users.by_name(session, "root")
    project = await admin.app("hello", root)
    prefix = admin.platform.image_prefix
    live = await deployed(project, image=f"{prefix}hello:1")
    async with admin.platform.database.begin() as session:
        building = await deployments.create(session, project.id, root.id, "main", "b" * 40)
    (row,) = await rows(admin, live.id)
    runtime = FakeRuntime(
        admin.platform.instance,
        {f"{prefix}hello:1": live.id, f"{prefix}hello:2": building.id, f"{prefix}hello:3": 99,
         f"{prefix}hello:used": 98, "sha256:dangling": 97, "base:latest": 0},
        {row: live.id, "stranger": 99, "being-made": building.id, "run.4": 99},
    )  # fmt: skip
    checkouts = admin.platform.checkouts
    for name in ("old-1", "new-1", "hello-1"):
        (checkouts / name).mkdir(parents=True)
        if name != "new-1":
            os.utime(checkouts / name, (0, 0))
    assert OLD_CHECKOUT > 60
    return dataclasses.replace(admin.platform, runtime=runtime), runtime, root


async def rows(admin: Admin, deployment_id: int) -> list[str]:
    async with admin.platform.database.read() as session:
        return [row.name for row in await containers.of_deployment(session, deployment_id)]


async def test_cleanup_removes_what_nothing_needs_and_nothing_else(
    untidy: tuple[Platform, FakeRuntime, User],
) -> None:
    platform, runtime, root = untidy
    prefix = platform.image_prefix
    planned = await cleanup(platform, root, dry_run=True)
    assert runtime.removed == []
    done = await cleanup(platform, root)
    assert runtime.removed == ["stranger", f"{prefix}hello:3", "sha256:dangling", "gone"]
    assert sorted(folder.name for folder in platform.checkouts.iterdir()) == ["hello-1", "new-1"]
    used = Leftover("image", f"{prefix}hello:used", 5)
    assert [each.name for each in planned] == [each.name for each in done]
    assert dataclasses.replace(used, failure="a container uses it") in done
    assert Leftover("checkout", "old-1") in done


async def test_cleanup_leaves_what_belongs_to_an_app_that_was_made_meanwhile(
    untidy: tuple[Platform, FakeRuntime, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, runtime, root = untidy
    route = Route("gone", ("gone.localhost",), (("10.0.0.9", 80),), "marker")
    platform.proxy.routes.write(route)

    async def remove(_: str) -> None:  # containers go first
        async with platform.database.begin() as session:
            await projects.create(session, "gone", root.id)

    monkeypatch.setattr(runtime, "remove", remove)
    done = await cleanup(platform, root)
    assert "gone" not in runtime.removed
    assert platform.proxy.routes.read("gone") == route
    assert Leftover("network", "gone", failure="gone is an app by now") in done


async def test_cleanup_is_for_admins(untidy: tuple[Platform, FakeRuntime, User]) -> None:
    platform, runtime, root = untidy
    with pytest.raises(ForbiddenError):
        await cleanup(platform, dataclasses.replace(root, role=users.MEMBER))
    assert runtime.removed == []


async def test_cleanup_without_an_engine_says_so(admin: Admin) -> None:
    answer = await admin.run("root", "cleanup --json")
    assert answer.code == 1
    assert "engine" in answer.err.lower()
