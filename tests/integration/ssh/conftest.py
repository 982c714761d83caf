"""A real SSH server on a free port, with the rest of deployzero played by a fake."""

import asyncio
import dataclasses
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest

from deployzero.errors import ConflictError
from deployzero.models.deployment import Outcome, Push, User
from deployzero.models.push import PushTarget
from deployzero.settings import Settings
from deployzero.source.repository import Repositories
from deployzero.ssh import server as ssh_server

LIMIT = 60.0


@dataclass
class FakeApp:
    owner: User
    target: PushTarget


@dataclass
class FakePlatform:
    """Deploys at once, unless told otherwise by `work`."""

    repositories: Repositories
    users: dict[str, User] = field(default_factory=dict)
    apps: dict[str, FakeApp] = field(default_factory=dict)
    pushes: list[Push] = field(default_factory=list)
    lines: list[str] = field(default_factory=lambda: ["-----> Building", "=====> Live"])
    outcome: Outcome = field(default_factory=lambda: Outcome(live=True, reason=""))
    refuse_start: Exception | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    ended: list[int] = field(default_factory=list)
    tasks: dict[int, asyncio.Task[Outcome]] = field(default_factory=dict)

    async def authenticate(self, fingerprint: str) -> User | None:
        return self.users.get(fingerprint)

    async def find_app(self, user: User, app: str) -> PushTarget | None:
        found = self.apps.get(app)
        return found.target if found and found.owner.id == user.id else None

    async def create_app(self, user: User, app: str, branch: str) -> None:
        found = self.apps.get(app)
        if found and found.owner.id != user.id:
            raise ConflictError(f"the name {app} is taken", "Choose another name.")
        self.apps[app] = FakeApp(user, PushTarget(app, branch, None))

    async def start(self, push: Push) -> int:
        if self.refuse_start:
            raise self.refuse_start
        self.pushes.append(push)
        number = len(self.pushes)
        self.tasks[number] = asyncio.create_task(self._deploy(number, push))
        self.started.set()
        return number

    async def _deploy(self, number: int, push: Push) -> Outcome:
        await asyncio.wait_for(self.may_end.wait(), LIMIT)
        if self.outcome.live:
            app = self.apps[push.app]
            app.target = dataclasses.replace(app.target, live_commit=push.new_commit)
            await self.repositories.set_branch(push.app, push.branch, push.new_commit)
        self.ended.append(number)
        return self.outcome

    async def follow(self, deployment: int) -> AsyncIterator[str]:
        for line in self.lines:
            yield line
        await asyncio.shield(self.tasks[deployment])

    async def get_outcome(self, deployment: int) -> Outcome:
        return await self.tasks[deployment]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@dataclass
class Client:
    """A folder with a key of its own, and the stock programs run in it."""

    home: Path
    port: int
    user: User

    @property
    def key(self) -> Path:
        return self.home / "id"

    @property
    def env(self) -> dict[str, str]:
        options = " ".join(self.ssh_options)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GIT_SSH_COMMAND": f"ssh {options}",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.org",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "LC_ALL": "C",
        }

    @property
    def ssh_options(self) -> list[str]:
        return [
            *("-F", "none", "-i", str(self.key), "-o", "IdentitiesOnly=yes"),
            *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new"),
            *("-o", f"UserKnownHostsFile={self.home}/known_hosts", "-o", "LogLevel=ERROR"),
        ]

    def url(self, app: str) -> str:
        return f"ssh://deployzero@127.0.0.1:{self.port}/{app}"

    async def run(self, *argv: str, cwd: Path | None = None, stdin: bytes = b"") -> Result:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd or self.home,
            env=self.env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(stdin), LIMIT)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Result(process.returncode or 0, out.decode(), err.decode("utf-8", "replace"))

    async def ssh(self, *command: str, options: tuple[str, ...] = ()) -> Result:
        target = ("-p", str(self.port), "anyone@127.0.0.1")
        return await self.run("ssh", *options, *self.ssh_options, *target, *command)

    async def git(self, *argv: str, cwd: Path | None = None) -> Result:
        return await self.run("git", *argv, cwd=cwd or self.work)

    async def ok(self, *argv: str, cwd: Path | None = None) -> str:
        result = await self.git(*argv, cwd=cwd)
        assert result.code == 0, result.err
        return result.out.strip()

    @property
    def work(self) -> Path:
        return self.home / "work"

    async def repository(self, app: str = "hello", branch: str = "main") -> Path:
        """A work tree with one commit and the remote `deployzero`."""
        await self.ok("init", "-q", "-b", branch, str(self.work), cwd=self.home)
        await self.ok("remote", "add", "deployzero", self.url(app))
        await self.commit("index.html", "<h1>hello</h1>\n")
        return self.work

    async def commit(self, name: str, content: str | bytes, message: str = "Change") -> str:
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        await self.ok("add", "-A")
        await self.ok("commit", "-q", "-m", message)
        return await self.ok("rev-parse", "HEAD")

    async def remote_refs(self, app: str = "hello") -> dict[str, str]:
        out = await self.ok("ls-remote", self.url(app), cwd=self.home)
        return {ref: oid for oid, ref in (line.split("\t") for line in out.splitlines())}


MakeClient = Callable[[str], Awaitable[Client]]


@dataclass
class Server:
    platform: FakePlatform
    repositories: Repositories
    checkouts: Path
    data: Path
    port: int

    async def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Wait until the condition holds. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.01)

    def leftovers(self) -> list[str]:
        """Quarantines, half packs and locks: nothing of the kind may stay."""
        found = list(self.repositories.root.rglob("tmp_*"))
        found += list(self.repositories.root.rglob("*.lock"))
        found += list(self.repositories.root.rglob("incoming*"))
        return [str(p) for p in found]

    def packs(self, app: str = "hello") -> list[Path]:
        return list((self.repositories.root / f"{app}.git/objects/pack").glob("*.pack"))


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
async def server(tmp_path: Path, settings: Settings) -> AsyncIterator[Server]:
    data = tmp_path / "data"
    repositories = Repositories(data / "repositories")
    platform = FakePlatform(repositories)
    platform.may_end.set()
    door = await ssh_server.start(
        settings,
        data / "host_key",
        authenticate=platform.authenticate,
        repositories=repositories,
        checkouts=data / "checkouts",
        find_app=platform.find_app,
        create_app=platform.create_app,
        start_deployment=platform.start,
        follow_log=platform.follow,
        get_outcome=platform.get_outcome,
        port=0,
    )
    yield Server(platform, repositories, data / "checkouts", data, door.port)
    await door.close(0)
    for task in platform.tasks.values():
        task.cancel()
    repositories.close()
    shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def make_client(server: Server, tmp_path: Path) -> MakeClient:
    async def make(name: str) -> Client:
        home = tmp_path / name
        home.mkdir()
        key = asyncssh.generate_private_key("ssh-ed25519")
        (home / "id").write_bytes(key.export_private_key())
        (home / "id").chmod(0o600)
        user = User(len(server.platform.users) + 1, name, "member", key.get_fingerprint())
        server.platform.users[key.get_fingerprint()] = user
        return Client(home, server.port, user)

    return make


@pytest.fixture
async def client(make_client: MakeClient) -> Client:
    return await make_client("ada")
