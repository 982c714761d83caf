"""The command line against the real HTTP API and database in this process; no engine."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deployzero import server
from deployzero.cli import main
from deployzero.deploy.platform import Platform
from deployzero.deploy.release import stored_config
from deployzero.models.deployment import Deployment, Project, State, User
from deployzero.models.project import ProjectConfig
from deployzero.operations import api_keys
from deployzero.settings import Settings
from deployzero.store import deployments, projects, users

LIMIT = 20.0
ADDRESSES = (f"10.0.{n >> 8}.{n & 255}" for n in itertools.count(1))


@dataclass
class CommandLine:
    """Runs `deployzero …` as whom it likes, against a server of the test's own."""

    platform: Platform
    url: str
    home: Path
    keys: dict[str, str] = field(default_factory=dict)
    """The API key of each person made."""

    async def person(self, name: str, role: str = users.MEMBER) -> User:
        async with self.platform.database.begin() as session:
            user = await users.create(session, name, role)
            _, self.keys[name] = await api_keys.issue(session, user, "test")
        return user

    async def app(self, name: str, owner: User) -> Project:
        """With nothing deployed."""
        async with self.platform.database.begin() as session:
            return await projects.create(session, name, owner.id)

    def environment(self, user: str) -> dict[str, str]:
        """As a CI job has it; the config file is nobody's."""
        return {
            "DEPLOYZERO_SERVER": self.url,
            "DEPLOYZERO_API_KEY": self.keys[user],
            "XDG_CONFIG_HOME": str(self.home),
            "HOME": str(self.home),
            "NO_PROXY": "*",
        }

    async def run(self, user: str, *words: str, stdin: str | bytes = "") -> Result:
        """stdin: what is piped to it; it has no terminal."""
        runner, env = CliRunner(), self.environment(user)
        return await asyncio.to_thread(
            runner.invoke, main, list(words), input=stdin, env=env, prog_name="deployzero"
        )


@pytest.fixture
async def cli(tmp_path: Path, data_dir: Path) -> AsyncIterator[CommandLine]:
    """With one administrator, `root`."""
    settings = Settings(
        data_dir=data_dir, docker_host=f"unix://{data_dir}/no-engine.sock", ssh_port=1
    )
    async with (
        server.open_platform(settings) as platform,
        server.http_door(platform, 0) as port,
    ):
        made = CommandLine(platform, f"http://127.0.0.1:{port}", tmp_path / "home")
        await made.person("root", users.ADMIN)
        yield made


@pytest.fixture
def platform(cli: CommandLine) -> Platform:
    return cli.platform


@pytest.fixture
def worker(cli: CommandLine) -> Callable[..., Awaitable[Deployment]]:
    """Play the worker: the next deployment goes live, or fails for the reason given."""

    async def work(reason: str = "") -> Deployment:
        async with asyncio.timeout(LIMIT):
            while (taken := await claim()) is None:  # noqa: ASYNC110 - of the database
                await asyncio.sleep(0.02)
        cli.platform.logs.append(taken.id, f"-----> {taken.kind}: {taken.message}")
        async with cli.platform.database.begin() as session:
            if reason:
                await deployments.transition(session, taken.id, State.ERROR, reason=reason)
            else:
                await deployments.set_plan(
                    session, taken.id, kind=taken.kind, branch="main", commit="a" * 40,
                    image="image", config=stored_config(ProjectConfig("python")),
                    variables=cli.platform.vault.seal_variables({}, {}),
                )  # fmt: skip
                await deployments.transition(session, taken.id, State.DEPLOYING)
                taken = await deployments.commit_live(session, taken.id, {"total": 0.5})
        await cli.platform.logs.end(taken.id)
        return taken

    async def claim() -> Deployment | None:
        async with cli.platform.database.begin() as session:
            return await deployments.claim_next(session)

    return work
