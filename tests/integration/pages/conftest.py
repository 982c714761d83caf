"""Browsers without a screen: real HTTP, real cookies, forms as they stand on the page."""

import html
import itertools
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import delete

from deployzero import server
from deployzero.deploy.looks import Looks
from deployzero.deploy.platform import Platform
from deployzero.deploy.release import stored_config
from deployzero.models.access import Role
from deployzero.models.deployment import Deployment, Project, State, User
from deployzero.models.project import ProjectConfig
from deployzero.models.release import Kind
from deployzero.operations import passwords
from deployzero.settings import Settings
from deployzero.store import access, containers, deployments, projects, users
from deployzero.store.tables import Base, ServerRow

PASSWORD = "a few words are easy"
ADDRESSES = (f"10.0.{n >> 8}.{n & 255}" for n in itertools.count(1))


@dataclass
class Browser:
    http: httpx.AsyncClient

    async def get(self, path: str, **rest: Any) -> httpx.Response:
        return await self.http.get(path, **rest)

    async def send(self, page: str, action: str, **fields: Any) -> httpx.Response:
        """Open the page and send its form of this address with these fields typed in."""
        shown = await self.http.get(page)
        return await self.post(action, self.form(shown, action) | fields)

    async def post(self, action: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        sent = {"Origin": str(self.http.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(action, data=fields, headers=sent | named)

    @staticmethod
    def form(page: httpx.Response, action: str) -> dict[str, str]:
        """The hidden fields of a form on the page."""
        found = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page.text, re.S)
        assert found, f"no form for {action} on {page.url}:\n{page.text}"
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found[0])
        return {name: html.unescape(value) for name, value in hidden}

    async def sign_in(self, name: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
        return await self.send("/login", "/login", username=name, password=password, **fields)


@dataclass
class Site:
    platform: Platform
    port: int
    stack: AsyncExitStack

    async def browser(self) -> Browser:
        """A new one, with no cookies. It follows no redirect."""
        client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=30, verify=False
        )
        return Browser(await self.stack.enter_async_context(client))

    async def person(self, name: str, role: str = users.MEMBER) -> User:
        async with self.platform.database.begin() as session:
            user = await users.create(session, name, role)
            await users.set_password(session, user.id, passwords.HASHER.hash(PASSWORD))
        return user

    async def signed_in(self, name: str, role: str = users.MEMBER) -> Browser:
        """The browser of a new person's."""
        await self.person(name, role)
        browser = await self.browser()
        answer = await browser.sign_in(name)
        assert answer.status_code == 303, answer.text
        return browser

    async def app(self, name: str, owner: str, **shared: Role) -> Project:
        async with self.platform.database.begin() as session:
            user = await users.by_name(session, owner)
            assert user is not None
            project = await projects.create(session, name, user.id)
            for other, role in shared.items():
                guest = await users.by_name(session, other)
                assert guest is not None
                await access.give(session, project.id, guest.id, role)
        return project

    async def deployment(
        self,
        project: Project,
        state: State = State.LIVE,
        message: str = "change",
        logs: Sequence[str] = (),
        reason: str = "it failed",
    ) -> Deployment:
        """Play the worker, as far as to this state."""
        config = ProjectConfig("python", processes={"web": "run"})
        async with self.platform.database.begin() as session:
            made = await deployments.create(
                session, project.id, project.user_id, "main", "a" * 40,
                kind=Kind.PUSH, message=message,
            )  # fmt: skip
            await deployments.claim_next(session)
            if state is State.LIVE:
                await deployments.set_plan(
                    session, made.id, kind=Kind.PUSH, branch="main", commit="a" * 40,
                    image="image", config=stored_config(config),
                    variables=self.platform.vault.seal_variables({}, {}),
                )  # fmt: skip
                await deployments.transition(session, made.id, State.DEPLOYING)
                await deployments.commit_live(session, made.id, {"build": 0.5, "total": 0.7})
                name = f"deployzero-pages.{project.name}.web.1.d{made.id}"
                await containers.add(
                    session, made.id, "web", 1, name, next(ADDRESSES), 8000, "healthy"
                )
            elif state is State.ERROR:
                await deployments.transition(session, made.id, State.ERROR, reason=reason)
        for line in logs:
            self.platform.logs.append(made.id, line)
        await self.platform.logs.flush(made.id)
        if state in (State.LIVE, State.ERROR):
            await self.platform.logs.end(made.id)
        return made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Platform, int]]:
    """One server for all of these tests: to make one costs more than most of them."""
    folder = tmp_path_factory.mktemp("pages")
    settings = Settings(
        data_dir=folder / "data", docker_host=f"unix://{folder}/no-engine.sock", ssh_port=1
    )
    async with (
        server.open_platform(settings) as platform,
        server.http_door(platform, 0) as port,
    ):
        yield platform, port


@pytest_asyncio.fixture(loop_scope="session")
async def site(running: tuple[Platform, int]) -> AsyncIterator[Site]:
    """With nobody in it."""
    platform, port = running
    async with AsyncExitStack() as stack:
        yield Site(platform, port, stack)
    platform.sign_in.failures.reset()
    platform.queue.take_cancels()
    object.__setattr__(platform, "looks", Looks())
    async with platform.database.begin() as session:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name != ServerRow.__tablename__:
                await session.execute(delete(table))
