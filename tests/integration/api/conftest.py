"""The real HTTP door, operations and database in this process; no worker and no engine."""

import functools
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pytest_asyncio import is_async_test

from deployzero import server
from deployzero.api.app import make_app
from deployzero.api.client_address import on_this_machine
from deployzero.api.routes.health import Health
from deployzero.api.server import serving
from deployzero.deploy.platform import Platform
from deployzero.models.access import Role, Scope
from deployzero.models.deployment import Project, User
from deployzero.operations import api_keys
from deployzero.pages import door as pages
from deployzero.settings import Settings
from deployzero.store import access, projects, users

ADDRESSES = (f"10.0.{n >> 8}.{n & 255}" for n in itertools.count(1))


@dataclass(frozen=True)
class Door:
    app: FastAPI
    port: int


@dataclass
class API:
    """Asks as whom it likes, over real connections."""

    platform: Platform
    port: int
    http: httpx.AsyncClient
    keys: dict[str, str] = field(default_factory=dict)
    """The API key of each person made."""

    async def person(self, name: str, role: str = users.MEMBER) -> User:
        """Make a user with an API key of full scope."""
        async with self.platform.database.begin() as session:
            user = await users.create(session, name, role)
            _, self.keys[name] = await api_keys.issue(session, user, "test")
        return user

    async def key(self, user: User, scope: Scope, project: Project | None = None) -> str:
        """Another key of the user's."""
        async with self.platform.database.begin() as session:
            only = project.id if project else None
            _, key = await api_keys.issue(session, user, "test", scope=scope, project_id=only)
        return key

    async def app(self, name: str, owner: User, **shared: Role) -> Project:
        """Make an app with nothing deployed. shared: user name to role."""
        async with self.platform.database.begin() as session:
            project = await projects.create(session, name, owner.id)
            for other, role in shared.items():
                user = await users.by_name(session, other)
                assert user is not None
                await access.give(session, project.id, user.id, role)
        return project

    async def request(
        self, method: str, path: str, user: str | None = None, **rest: Any
    ) -> httpx.Response:
        """user: whose key is sent; None: none is. rest: httpx's own."""
        headers = dict(rest.pop("headers", {}))
        if user is not None:
            headers["X-API-Key"] = self.keys[user]
        return await self.http.request(method, path, headers=headers, **rest)

    async def get(self, path: str, user: str | None = None, **rest: Any) -> httpx.Response:
        return await self.request("GET", path, user, **rest)

    async def post(self, path: str, user: str | None = None, **rest: Any) -> httpx.Response:
        return await self.request("POST", path, user, **rest)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def door() -> AsyncIterator[Door]:
    """One HTTP server for all of these tests: to start and stop it costs more than most."""
    settings = Settings()
    platform: Any = None  # each test has one of its own
    app = make_app(platform)
    pages.mount(app, functools.partial(on_this_machine, settings=settings))
    async with serving(app, settings, 0) as port:
        yield Door(app, port)


@pytest_asyncio.fixture(loop_scope="session")
async def platform(data_dir: Path, door: Door) -> AsyncIterator[Platform]:
    """New for each test, so that nothing survives one, and behind the door while it lasts."""
    settings = Settings(
        data_dir=data_dir, docker_host=f"unix://{data_dir}/no-engine.sock", ssh_port=1
    )
    async with server.open_platform(settings) as made:
        door.app.state.platform = made
        door.app.state.health = Health()
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def api(platform: Platform, door: Door) -> AsyncIterator[API]:
    """With one administrator, `root`."""
    url = f"http://127.0.0.1:{door.port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
        made = API(platform, door.port, http)
        await made.person("root", users.ADMIN)
        yield made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They run in the server's event loop."""
    for item in items:
        if Path(__file__).parent in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
