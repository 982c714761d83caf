"""Users, keys, projects and containers."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deployzero.errors import ConflictError
from deployzero.models.deployment import Container, Project, State, User
from deployzero.store import containers, keys, projects, users
from deployzero.store.database import Database

NewProject = Callable[[str], Awaitable[Project]]
Deploys = Any  # made in conftest


async def test_the_first_admin_is_made_once(database: Database) -> None:
    async with database.begin() as session:
        await users.create(session, "bob")
        first = await users.first_admin(session)
        assert await users.first_admin(session, "other") == first
    assert (first.name, first.role) == ("admin", "admin")


async def test_a_users_name_and_api_key_are_taken_once(database: Database, user: User) -> None:
    async with database.begin() as session:
        with pytest.raises(ConflictError, match="ada exists"):
            await users.create(session, "ada")
        bob = await users.create(session, "bob", api_key="f" * 64)  # the transaction goes on
    async with database.read() as session:
        assert await users.by_name(session, "bob") == bob
    async with database.begin() as session:
        with pytest.raises(ConflictError):
            await users.create(session, "eve", api_key="f" * 64)


async def test_a_key_signs_in_its_user(database: Database, user: User) -> None:
    async with database.begin() as session:
        key = await keys.add(session, user.id, "laptop", "ssh-ed25519 AAAA", "SHA256:one")
        assert await keys.of_user(session, user.id) == [key]
        found = await users.by_key_fingerprint(session, "SHA256:one")
        assert found == User(user.id, "ada", "admin", "SHA256:one")
        assert await users.by_key_fingerprint(session, "SHA256:two") is None


async def test_a_key_belongs_to_one_user(database: Database, user: User) -> None:
    async with database.begin() as session:
        bob = await users.create(session, "bob")
        await keys.add(session, user.id, "laptop", "ssh-ed25519 AAAA", "SHA256:one")
        with pytest.raises(ConflictError, match="SHA256:one is registered already") as caught:
            await keys.add(session, bob.id, "stolen", "ssh-ed25519 AAAA", "SHA256:one")
        assert caught.value.hint


async def test_an_apps_name_is_taken_once(database: Database, user: User, project: Project) -> None:
    async with database.begin() as session:
        with pytest.raises(ConflictError, match="the name hello is taken"):
            await projects.create(session, "hello", user.id)
    async with database.read() as session:
        assert await projects.by_name(session, "hello") == project
        assert await projects.by_name(session, "none") is None


async def test_the_first_push_settles_the_deploy_branch(
    database: Database, project: Project
) -> None:
    async with database.begin() as session:
        assert await projects.settle_deploy_branch(session, project.id, "master") == "master"
        assert await projects.settle_deploy_branch(session, project.id, "main") == "master"
        read = await projects.by_name(session, "hello")
    assert read is not None
    assert read.deploy_branch == "master"


async def test_apps_are_visible_to_their_owner_and_to_admins(
    database: Database, project: Project, new_project: NewProject, user: User
) -> None:
    other = await new_project("another")
    async with database.begin() as session:
        bob = await users.create(session, "bob")
        assert await projects.visible_to(session, None) == [other, project]
        assert await projects.visible_to(session, user.id) == [other, project]
        assert await projects.visible_to(session, bob.id) == []


async def test_containers_keep_their_address_to_themselves(
    database: Database, project: Project, deploys: Deploys
) -> None:
    deployment = await deploys.live(project)
    async with database.begin() as session:
        one = await containers.add(session, deployment.id, "web", 1, "one", "10.1.0.2", 8000)
        of_app = (deployment.id, project.id, "hello")
        place = ("one", "10.1.0.2", 8000)
        assert one == Container(one.id, *of_app, "web", 1, *place, "starting")
        for name, address in (("one", "10.1.0.3"), ("two", "10.1.0.2")):
            with pytest.raises(ConflictError, match=name):
                await containers.add(session, deployment.id, "web", 2, name, address, 9000)
        assert await containers.addresses(session, project.id) == {"10.1.0.2"}
        await containers.remove(session, one.id)
        two = await containers.add(session, deployment.id, "web", 2, "two", "10.1.0.2", 8000)
        await containers.set_health(session, two.id, "healthy")
    async with database.read() as session:
        (read,) = await containers.of_deployment(session, deployment.id)
        assert read.health == "healthy"
        assert await containers.every(session) == [read]


async def test_containers_behind_published_ports_share_the_loopback_address(
    database: Database, project: Project, deploys: Deploys
) -> None:
    deployment = await deploys.create(project)
    assert deployment.state is State.CREATED
    async with database.begin() as session:
        for port in (32001, 32002):
            await containers.add(session, deployment.id, "web", port, f"c{port}", "127.0.0.1", port)
        with pytest.raises(ConflictError):
            await containers.add(session, deployment.id, "web", 3, "c3", "127.0.0.1", 32001)
