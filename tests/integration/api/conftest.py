"""The real HTTP door, operations and database in this process; no worker and no engine."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployzero import server
from deployzero.deploy.platform import Platform
from deployzero.deploy.release import stored_config
from deployzero.models.access import Role, Scope
from deployzero.models.deployment import Deployment, Project, State, User
from deployzero.models.project import ProjectConfig
from deployzero.models.release import Kind
from deployzero.operations import api_keys
from deployzero.settings import Settings
from deployzero.store import access, containers, deployments, projects, users
from deployzero.store.migrations import migrate

ADDRESSES = (f"10.0.{n >> 8}.{n & 255}" for n in itertools.count(1))


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


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and nothing in them: making it is most of a test's time."""
    path = tmp_path_factory.mktemp("migrated") / "deployzero.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
async def api(tmp_path: Path, migrated: Path) -> AsyncIterator[API]:
    """With one administrator, `root`."""
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(migrated, tmp_path / "data")
    settings = Settings(
        data_dir=tmp_path / "data", docker_host=f"unix://{tmp_path}/no-engine.sock", ssh_port=1
    )
    async with (
        server.open_platform(settings) as platform,
        server.http_door(platform, 0) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http,
    ):
        made = API(platform, port, http)
        await made.person("root", users.ADMIN)
        yield made


@pytest.fixture
def deployed(api: API) -> Callable[..., Awaitable[Deployment]]:
    """Play the worker: one deployment of an app, live at once, with its containers' rows."""

    async def make(
        project: Project,
        processes: dict[str, int] | None = None,
        kind: Kind = Kind.PUSH,
        message: str = "change",
        image: str | None = "image",
        logs: Sequence[str] = (),
    ) -> Deployment:
        counts = {"web": 1} if processes is None else processes
        config = ProjectConfig("python", processes=dict.fromkeys(counts, "run"))
        async with api.platform.database.begin() as session:
            deployment = await deployments.create(
                session, project.id, project.user_id, "main", "a" * 40, kind=kind, message=message
            )
            assert (await deployments.claim_next(session) or deployment).id == deployment.id
            await deployments.set_plan(
                session, deployment.id, kind=kind, branch="main", commit="a" * 40, image=image,
                config=stored_config(config),
                variables=api.platform.vault.seal_variables({}, {}),
            )  # fmt: skip
            await deployments.transition(session, deployment.id, State.DEPLOYING)
            live = await deployments.commit_live(session, deployment.id, {"total": 0.5})
            for process, count in counts.items():
                for index in range(1, count + 1):
                    name = f"deployzero-key.{project.name}.{process}.{index}.d{live.id}"
                    await containers.add(
                        session, live.id, process, index, name, next(ADDRESSES), 8000, "healthy"
                    )
        for line in logs:
            api.platform.logs.append(live.id, line)
        await api.platform.logs.end(live.id)
        return live

    return make
