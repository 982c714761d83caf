"""`run` and `enter` without an engine: who may, what is recorded, what is refused."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deployzero.models.access import Role
from deployzero.store import access, events

COMMANDS = [
    "run hello true",
    "run:detached hello true",
    "run:list hello",
    "run:stop hello run.1",
    "enter hello",
]


async def test_a_deployer_may_and_a_viewer_may_not(admin) -> None:
    project = await admin.app("hello", await admin.person("owner"))
    for role in (Role.VIEWER, Role.DEPLOYER):
        user = await admin.person(role.word)
        async with admin.platform.database.begin() as session:
            await access.give(session, project.id, user.id, role)
    await admin.person("stranger")
    for command in COMMANDS:
        assert "there is no app hello" in (await admin.run("stranger", command)).err
        answer = await admin.run("viewer", command)
        assert "you are a viewer of hello: this needs a deployer" in answer.err
        answer = await admin.run("deployer", command)
        assert answer.code == 1
        assert re.search("not deployed yet|Engine does not answer|nothing", answer.err)


async def test_the_audit_log_names_the_program_and_no_argument(admin) -> None:
    await admin.app("hello", await admin.person("owner"))
    await admin.run("owner", "run hello -- psql --dbname postgres://u:s3cret@h/d --help")
    await admin.run("owner", "run hello 'TOKEN=s3cret deploy all'")
    async with admin.platform.database.read() as session:
        found = await events.latest(session, 10)
    details = {event.detail for event in found if event.action == "run"}
    assert details == {"psql …", "deploy …"}
    await admin.run("owner", "enter hello web.1 psql postgres://u:s3cret@h/d")
    await admin.run("owner", "enter hello bash")
    async with admin.platform.database.read() as session:
        found = await events.latest(session, 10)
    assert {event.detail for event in found if event.action == "enter"} == {"web.1 psql …", "bash"}


async def test_a_program_that_is_not_there_is_told(admin, monkeypatch) -> None:
    await admin.app("hello", await admin.person("owner"))

    @asynccontextmanager
    async def running(*_: object, **__: object) -> AsyncIterator[None]:
        yield

    async def join(*_: object) -> int:
        return 127

    monkeypatch.setattr("deployzero.operations.runs.running", running)
    monkeypatch.setattr("deployzero.ssh.commands.run.join", join)
    answer = await admin.run("owner", "run hello nosuch --all")
    assert answer.code == 127
    assert "nosuch, or a program that it calls, is not in the image" in answer.err
    assert "run hello \"'…'\"" in answer.err
    shell = await admin.run("owner", "run hello 'nosuch --all'")  # the shell has told
    assert (shell.code, shell.err) == (127, "")


async def test_what_is_no_command_is_told(admin) -> None:
    await admin.app("hello", await admin.person("owner"))
    for command in ("run hello", "run", "run hello ''", "run hello --", "enter"):
        answer = await admin.run("owner", command)
        assert (answer.code, answer.out) == (1, "")
        assert answer.err.startswith(" !     ")
