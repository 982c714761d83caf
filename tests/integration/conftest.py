"""What tests of every door share."""

import asyncio
import itertools
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from deployzero.deploy.platform import Platform
from deployzero.deploy.release import stored_config
from deployzero.models.deployment import Deployment, Project, State
from deployzero.models.project import ProjectConfig
from deployzero.models.release import Kind
from deployzero.operations import passwords
from deployzero.store import containers, deployments
from deployzero.store.migrations import migrate

ADDRESSES = (f"10.0.{n >> 8}.{n & 255}" for n in itertools.count(1))


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same algorithm with less work: a hash is to cost a third of a second."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", quick)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and nothing in them: making it is most of a test's time."""
    path = tmp_path_factory.mktemp("migrated") / "deployzero.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
def data_dir(tmp_path: Path, migrated: Path) -> Path:
    """A server's data folder, before its first start but for the tables."""
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    shutil.copy(migrated, made)
    return made


@pytest.fixture
def deployed(platform: Platform) -> Callable[..., Awaitable[Deployment]]:
    """Play the worker: one deployment of an app, live at once, with its containers' rows.

    Each folder's conftest.py gives `platform`.
    """

    async def make(
        project: Project,
        processes: dict[str, int] | None = None,
        kind: Kind = Kind.PUSH,
        message: str = "change",
        image: str | None = "image",
        variables: str | None = None,
        logs: Sequence[str] = (),
    ) -> Deployment:
        counts = {"web": 1} if processes is None else processes
        config = ProjectConfig("python", processes=dict.fromkeys(counts, "run"))
        async with platform.database.begin() as session:
            deployment = await deployments.create(
                session, project.id, project.user_id, "main", "a" * 40, kind=kind, message=message
            )
            assert (await deployments.claim_next(session) or deployment).id == deployment.id
            await deployments.set_plan(
                session, deployment.id, kind=kind, branch="main", commit="a" * 40, image=image,
                config=stored_config(config),
                variables=variables or platform.vault.seal_variables({}, {}),
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
            platform.logs.append(live.id, line)
        await platform.logs.end(live.id)
        return live

    return make
