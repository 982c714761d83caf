"""The real SSH door, operations and database in this process; no worker and no engine."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest

from deployzero import server
from deployzero.deploy.platform import Platform
from deployzero.models.deployment import Project, User
from deployzero.settings import Settings
from deployzero.store import keys, projects, users

LIMIT = 30.0
ADDRESSES = (f"10.0.{n >> 8}.{n & 255}" for n in itertools.count(1))


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


@dataclass
class Admin:
    """Runs commands as whom it likes, over a real connection each."""

    platform: Platform
    port: int
    keys: dict[str, asyncssh.SSHKey] = field(default_factory=dict)

    async def person(self, name: str, role: str = users.MEMBER) -> User:
        """Make a user with a key."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        self.keys[name] = key
        line = key.export_public_key().decode().strip()
        async with self.platform.database.begin() as session:
            user = await users.create(session, name, role)
            await keys.add(session, user.id, name, line, key.get_fingerprint())
        return user

    async def app(self, name: str, owner: User) -> Project:
        """Make an app with nothing deployed."""
        async with self.platform.database.begin() as session:
            return await projects.create(session, name, owner.id)

    async def connect(self, user: str) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            "127.0.0.1", self.port, known_hosts=None, username="deployzero",
            client_keys=[self.keys[user]], agent_path=None, config=None,
        )  # fmt: skip

    async def run(self, user: str, command: str, stdin: bytes = b"") -> Answer:
        """One command over a connection of its own."""
        async with await self.connect(user) as connection:
            done = await connection.run(
                command, input=stdin or None, encoding=None, timeout=LIMIT,
                stdin=asyncssh.PIPE if stdin else asyncssh.DEVNULL,  # it would stay open
            )  # fmt: skip
        assert isinstance(done.stdout, bytes)
        assert isinstance(done.stderr, bytes)
        code = 255 if done.exit_status is None else done.exit_status
        return Answer(code, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
async def admin(data_dir: Path) -> AsyncIterator[Admin]:
    """With one administrator, `root`."""
    settings = Settings(
        data_dir=data_dir, docker_host=f"unix://{data_dir}/no-engine.sock", ssh_port=1
    )
    async with server.open_platform(settings) as platform, server.ssh_door(platform, 0) as door:
        made = Admin(platform, door.port)
        await made.person("root", users.ADMIN)
        yield made


@pytest.fixture
def run(admin: Admin) -> Callable[..., Awaitable[Answer]]:
    return admin.run


@pytest.fixture
def platform(admin: Admin) -> Platform:
    return admin.platform
