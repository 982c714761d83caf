"""`logs` without an engine: who may ask, what is refused, what is kept, what a rename does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from deployzero.errors import NotFoundError
from deployzero.models.access import Role
from deployzero.models.deployment import State
from deployzero.operations import logs
from deployzero.runtime import labels
from deployzero.runtime.container import ContainerEvent, ContainerSummary
from deployzero.runtime.log_entries import LogEntry
from deployzero.store import access, deployments, projects

LIMIT = 30.0
AT = "2999-01-01T00:00:00.000000000Z"


@dataclass
class FakeEngine:
    """Each container has printed its name; none ends."""

    containers: list[ContainerSummary] = field(default_factory=list)
    started: asyncio.Queue[ContainerEvent] = field(default_factory=asyncio.Queue)

    def start(self, app: str, process: str, index: int, deployment_id: int) -> None:
        name = f"{app}.{process}.{index}"
        self.containers.append(
            ContainerSummary(
                name, app, deployment_id, process, index, "image", True, "", name * 12, 0.0
            )
        )
        self.started.put_nowait(ContainerEvent("start", self.containers[-1]))

    async def ping(self) -> None:
        pass

    async def list_containers(self, mark: str) -> list[ContainerSummary]:
        return [each for each in self.containers if mark == f"{labels.APP}={each.app}"]

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[ContainerEvent]]:
        async def all_of_them() -> AsyncIterator[ContainerEvent]:
            while True:
                yield await self.started.get()

        yield all_of_them()

    @asynccontextmanager
    async def logs(
        self, container_id: str, *, since: str = "", tail: int | None = None, follow: bool = False
    ) -> AsyncIterator[AsyncIterator[list[LogEntry]]]:
        (found,) = [each for each in self.containers if each.id == container_id]

        async def batches() -> AsyncIterator[list[LogEntry]]:
            yield [LogEntry(AT, found.name)]
            if follow:
                await asyncio.Event().wait()

        yield batches()


@pytest.fixture
def engine(admin, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    for name in ("ping", "list_containers", "events", "logs"):
        monkeypatch.setattr(admin.platform.runtime, name, getattr(fake, name))
    return fake


async def failed_deployment(admin, project, user, *lines: str) -> int:
    platform = admin.platform
    async with platform.database.begin() as session:
        made = await deployments.create(session, project.id, user.id, "main", "c" * 40)
        await deployments.transition(session, made.id, State.ERROR, reason="it broke")
    for line in lines:
        platform.logs.append(made.id, line)
    await platform.logs.end(made.id)
    return made.id


async def test_the_whole_log_of_the_newest_failed_deployment_and_its_output(admin) -> None:
    owner = await admin.person("owner")
    project = await admin.app("hello", owner)
    assert (
        "no deployment of hello has failed" in (await admin.run("owner", "logs:failed hello")).err
    )
    await failed_deployment(admin, project, owner, "old")
    newest = await failed_deployment(admin, project, owner, "-----> Building", " !     it broke")
    at = "2026-11-23T04:00:00.123456789Z"
    for number, deployment_id in enumerate((newest, newest - 1)):
        lines = [(at, f"of {deployment_id}")]
        admin.platform.log_archive.write(
            project.id, "web.1", deployment_id, f"{number}" * 64, lines
        )
    answer = await admin.run("owner", "logs:failed hello")
    assert answer.out.splitlines() == [
        "-----> Building",
        " !     it broke",
        f"2026-11-23T04:00:00.123Z app[web.1]: of {newest}",
    ]
    assert '"output": [{"at": ' in (await admin.run("owner", "logs:failed hello --json")).out


async def test_a_viewer_reads_and_for_a_stranger_there_is_no_app(admin) -> None:
    owner = await admin.person("owner")
    viewer = await admin.person("viewer")
    await admin.person("stranger")
    project = await admin.app("hello", owner)
    async with admin.platform.database.begin() as session:
        await access.give(session, project.id, viewer.id, Role.VIEWER)
    for command in ("logs hello", "logs hello -t", "logs:failed hello"):
        answer = await admin.run("stranger", command)
        assert (answer.code, answer.out) == (1, "")
        assert answer.err.startswith(" !     there is no app hello\n")
        answer = await admin.run("viewer", command)
        assert "no app" not in answer.err
        assert "needs" not in answer.err


async def test_bad_numbers_are_told(admin) -> None:
    await admin.app("hello", await admin.person("owner"))
    for words in ("-n x", "-n -1", "-n 1000000", "--nonesuch"):
        answer = await admin.run("owner", f"logs hello {words}")
        assert (answer.code, answer.out) == (1, "")
        assert "`logs --help` explains it." in answer.err


async def test_while_the_engine_is_away_what_is_kept_is_shown(admin, deployed) -> None:
    project = await admin.app("hello", await admin.person("owner"))
    live = await deployed(project)
    kept = [("2026-11-23T04:00:00.123456789Z", "kept")]
    admin.platform.log_archive.write(project.id, "web.1", live.id, "a" * 64, kept)
    for command, lines in {
        "logs hello": ["2026-11-23T04:00:00.123Z app[web.1]: kept"],
        "logs hello -q -p web.1": ["kept"],
        "logs hello -q -p run.1234": [],
    }.items():
        answer = await admin.run("owner", command)
        assert (answer.code, answer.out.splitlines()) == (1, lines)
        assert " !     the Docker Engine does not answer\n" in answer.err
        assert "only removed containers' lines are shown" in answer.err


async def test_what_bears_the_name_before_is_the_app_s_own(admin, engine, deployed) -> None:
    project = await admin.app("hello", await admin.person("owner"))
    live = await deployed(project)
    engine.start("hello", "run", 1234, live.id)
    async with admin.platform.database.begin() as session:
        await projects.rename(session, project, "world")
    assert (await admin.run("owner", "logs world -q -p run.1234")).out == "hello.run.1234\n"


async def test_following_goes_on_over_a_rename_and_ends_with_the_app(
    admin, engine, deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    still, looked = logs._still, asyncio.Event()

    async def look(*args) -> None:
        await still(*args)
        looked.set()

    monkeypatch.setattr(logs, "LOOK", 0.01)
    monkeypatch.setattr(logs, "_still", look)
    platform, owner = admin.platform, await admin.person("owner")
    project = await admin.app("hello", owner)
    live = await deployed(project)
    engine.start("hello", "web", 1, live.id)
    async with asyncio.timeout(LIMIT), aclosing(logs.follow(platform, owner, "hello", 1)) as lines:
        assert [line.text for line in await anext(lines)] == ["hello.web.1"]
        async with platform.database.begin() as session:
            await projects.rename(session, project, "world")
            await projects.forget_previous_name(session, project.id, "hello")
        await admin.app("hello", await admin.person("stranger"))
        looked.clear()
        coming = asyncio.ensure_future(anext(lines))
        await looked.wait()
        engine.start("world", "web", 1, live.id)
        assert [line.text for line in await coming] == ["world.web.1"]
        async with platform.database.begin() as session:
            await projects.set_destroying(session, project.id)
        with pytest.raises(NotFoundError, match="there is no app world"):
            await anext(lines)


async def test_colour_is_for_terminals_alone(admin) -> None:
    project = await admin.app("hello", await admin.person("owner"))
    newest = await failed_deployment(admin, project, await admin.person("other"))
    at = "2026-11-23T04:00:00.123456789Z"
    admin.platform.log_archive.write(project.id, "web.1", newest, "a" * 64, [(at, "text")])
    async with await admin.connect("owner") as connection:
        plain = await connection.run("logs:failed hello", encoding=None)
        terminal = await connection.run("logs:failed hello", encoding=None, term_type="xterm")
    assert plain.stdout == b"2026-11-23T04:00:00.123Z app[web.1]: text\n"
    assert b"\x1b[" in terminal.stdout
    assert terminal.stdout.endswith(b"\x1b[0m text\r\n")
