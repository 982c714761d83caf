"""Every test of the store runs on SQLite and on a real PostgreSQL, each in a fresh database."""

import asyncio
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployzero.models.deployment import Deployment, Project, State, User
from deployzero.models.release import Kind
from deployzero.store import deployments, projects, users
from deployzero.store.database import Database
from deployzero.store.migrations import migrate

START_LIMIT = 60
NAMES = itertools.count(1)


def postgresql_bin() -> Path:
    """Debian keeps the server's programs off the PATH, in a folder a version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        pytest.fail("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent if found else Path(on_path or "").parent


@dataclass(frozen=True)
class PostgreSQL:
    folder: Path

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://postgres@/{name}?host={self.folder}"

    def run(self, program: str, *arguments: str) -> None:
        command = [postgresql_bin() / program, "-h", self.folder, "-U", "postgres", *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=START_LIMIT)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A server of our own on a Unix socket, run by an unprivileged user as it demands."""
    programs = postgresql_bin()
    folder = Path(tempfile.mkdtemp(prefix="deployzero-postgresql-"))
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        as_user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    data = folder / "data"
    plain = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(
        [programs / "initdb", "-D", data, *plain],
        check=True,
        capture_output=True,
        cwd=folder,
        **as_user,
    )
    options = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses="]
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", folder]
        + [word for option in options for word in ("-c", option)],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("w"),
        cwd=folder,
        **as_user,
    )
    try:
        ready = [programs / "pg_isready", "-h", folder, "-q"]
        for _ in range(START_LIMIT * 20):
            if subprocess.run(ready, check=False).returncode == 0:
                break
            if server.poll() is not None:
                pytest.fail(f"PostgreSQL does not start:\n{(folder / 'log').read_text()}")
            time.sleep(0.05)
        yield PostgreSQL(folder)
    finally:
        server.send_signal(signal.SIGINT)  # its fast shutdown
        server.wait(START_LIMIT)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgreSQL) -> PostgreSQL:
    postgresql.run("createdb", "migrated")
    asyncio.run(migrate(postgresql.url("migrated")))
    return postgresql


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "migrated.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/empty.db"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    name = f"empty{next(NAMES)}"
    server.run("createdb", name)
    yield server.url(name)
    server.run("dropdb", "--force", name)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with all tables, and nothing in them."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "test.db")
        yield f"sqlite+aiosqlite:///{tmp_path}/test.db"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql_template")
    name = f"test{next(NAMES)}"
    server.run("createdb", "-T", "migrated", name)
    yield server.url(name)
    server.run("dropdb", "--force", name)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
async def user(database: Database) -> User:
    async with database.begin() as session:
        return await users.create(session, "ada", users.ADMIN)


@pytest.fixture
async def project(database: Database, user: User) -> Project:
    async with database.begin() as session:
        return await projects.create(session, "hello", user.id)


class Deploys:
    """Makes deployments in a few words; each call is a transaction of its own."""

    def __init__(self, database: Database, user: User) -> None:
        self.database = database
        self.user = user

    async def create(
        self, project: Project, commit: str = "a" * 40, kind: Kind = Kind.PUSH
    ) -> Deployment:
        async with self.database.begin() as session:
            return await deployments.create(
                session, project.id, self.user.id, "main", commit, kind=kind
            )

    async def claim(self) -> Deployment | None:
        async with self.database.begin() as session:
            return await deployments.claim_next(session)

    async def move(self, deployment: Deployment, to: State, **fields: str) -> Deployment:
        async with self.database.begin() as session:
            return await deployments.transition(session, deployment.id, to, **fields)

    async def commit(self, deployment: Deployment) -> Deployment:
        async with self.database.begin() as session:
            return await deployments.commit_live(session, deployment.id, {"total": 0.9})

    async def live(
        self, project: Project, image: str = "image", kind: Kind = Kind.PUSH
    ) -> Deployment:
        """All the way."""
        deployment = await self.create(project, kind=kind)
        claimed = await self.claim()
        assert claimed is not None
        assert claimed.id == deployment.id
        await self.move(deployment, State.DEPLOYING, image=image)
        return await self.commit(deployment)


@pytest.fixture
def deploys(database: Database, user: User) -> Deploys:
    return Deploys(database, user)


@pytest.fixture
def new_project(database: Database, user: User) -> Callable[[str], object]:
    async def make(name: str) -> Project:
        async with database.begin() as session:
            return await projects.create(session, name, user.id)

    return make
