"""What an app's people may do, in commands, in git, and while a session is open."""

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from deployzero.operations import guard
from deployzero.store import deployments, projects, users

Admin = Any
Git = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


@pytest.fixture
async def people(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> Admin:
    """ada owns hello; vera may view, dan deploy it; sam is a stranger."""
    monkeypatch.setattr(guard, "LAST_WORDS", 0.1)  # what goes on here has none
    ada = await admin.person("ada")
    await admin.app("hello", ada)
    for name in ("vera", "dan", "sam"):
        await admin.person(name)
    for name, role in (("vera", "viewer"), ("dan", "deployer")):
        assert (await admin.run("ada", f"access:add hello {name} --role {role}")).code == 0
    return admin


@pytest.fixture
def git(people: Admin, tmp_path: Path) -> Git:
    """Stock git over OpenSSH, as somebody."""

    async def run(user: str, *words: str, cwd: Path = tmp_path) -> Any:
        key = tmp_path / f"{user}.key"
        if not key.exists():
            key.write_bytes(people.keys[user].export_private_key())
            key.chmod(0o600)
        environment = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_SSH_COMMAND": f"ssh -F none -i {key} -o IdentitiesOnly=yes -o BatchMode=yes"
            f" -o StrictHostKeyChecking=no -o UserKnownHostsFile={tmp_path}/known_hosts"
            " -o LogLevel=ERROR",
        }
        return await asyncio.to_thread(
            subprocess.run,
            ["git", *words],
            cwd=cwd, env=environment, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    return run


async def test_who_may_do_what_is_listed(people: Admin) -> None:
    for name in ("ada", "vera", "root"):
        lines = (await people.run(name, "access:list hello")).out.splitlines()
        assert [line.split() for line in lines] == [
            ["USER", "ROLE"],
            ["ada", "owner"],
            ["dan", "deployer"],
            ["vera", "viewer"],
        ]
    assert "there is no app hello" in (await people.run("sam", "access hello")).err


async def test_a_role_given_again_takes_the_place_of_the_old(people: Admin) -> None:
    assert (await people.run("ada", "access:add hello vera")).code == 0
    listed = (await people.run("ada", "access:list hello")).out
    assert "vera    deployer" in listed
    assert listed.count("vera") == 1


async def test_an_owner_shares_and_a_deployer_does_not(people: Admin) -> None:
    assert (await people.run("ada", "access:add hello sam --role owner")).code == 0
    assert (await people.run("sam", "access:remove hello dan")).code == 0
    assert "there is no app hello" in (await people.run("dan", "ps hello")).err
    refused = await people.run("vera", "access:add hello dan")
    assert "you are a viewer of hello: this needs an owner" in refused.err


async def test_what_makes_no_sense_is_refused(people: Admin) -> None:
    for command, says in (
        ("access:add hello nobody", "there is no user nobody"),
        ("access:add hello ada", "ada owns hello"),
        ("access:remove hello ada", "ada owns hello"),
        ("access:remove hello sam", "sam has no access to hello"),
        ("access:transfer hello ada", "ada owns hello already"),
        ("access:add hello sam --role admin", "'admin' is not one of"),
    ):
        refused = await people.run("ada", command)
        assert refused.code == 1
        assert says in refused.err


async def test_an_app_that_is_given_away_is_the_others(people: Admin) -> None:
    assert (await people.run("ada", "access:transfer hello dan")).code == 0
    lines = (await people.run("dan", "access:list hello")).out.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["dan", "owner"],
        ["ada", "deployer"],
        ["vera", "viewer"],
    ]


async def test_source_is_for_deployers(people: Admin, git: Git, tmp_path: Path) -> None:
    remote = f"ssh://x@127.0.0.1:{people.port}/hello"
    repo = tmp_path / "repo"
    await git("vera", "init", "-q", "-b", "main", str(repo))
    identity = ("-c", "user.name=v", "-c", "user.email=v@example.org")
    await git("vera", *identity, "commit", "-q", "--allow-empty", "-m", "x", cwd=repo)
    for words in (("clone", remote, "copy"), ("ls-remote", remote), ("push", remote, "main")):
        refused = await git("vera", *words, cwd=repo)
        assert refused.returncode == 128
        assert "you are a viewer of hello: this needs a deployer" in refused.stderr
    refused = await git("sam", "clone", remote, "copy", cwd=repo)
    assert "there is no app hello" in refused.stderr
    refused = await git("sam", "push", remote, "main", cwd=repo)
    assert refused.returncode != 0
    assert "the name hello is taken" in refused.stderr
    assert (await git("dan", "ls-remote", remote)).returncode == 0
    events = (await people.run("ada", "events hello")).out.splitlines()
    refusals = [line.split()[2:5:2] for line in events if "push" in line or "fetch" in line]
    assert refusals == [
        ["vera", "fetch"],
        ["vera", "fetch"],
        ["vera", "push"],
        ["sam", "fetch"],
        ["sam", "push"],
    ]


async def test_one_demoted_in_the_middle_of_a_push_deploys_nothing(
    people: Admin, git: Git, tmp_path: Path
) -> None:
    """The client runs a pre-push hook between our refs and its commands."""
    repo = tmp_path / "repo"
    await git("dan", "init", "-q", "-b", "main", str(repo))
    identity = ("-c", "user.name=d", "-c", "user.email=d@example.org")
    await git("dan", *identity, "commit", "-q", "--allow-empty", "-m", "x", cwd=repo)
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    hook = repo / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {begun}\nwhile [ ! -e {go_on} ]; do sleep 0.05; done\n")
    hook.chmod(0o755)
    push = asyncio.create_task(
        git("dan", "push", f"ssh://x@127.0.0.1:{people.port}/hello", "main", cwd=repo)
    )
    async with asyncio.timeout(20):
        while not begun.exists():  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.02)
    assert (await people.run("ada", "access:add hello dan --role viewer")).code == 0
    go_on.touch()
    done = await push
    assert done.returncode == 1
    assert "you are a viewer of hello: this needs a deployer" in done.stderr


async def test_a_command_that_goes_on_ends_when_access_is_taken(people: Admin) -> None:
    async with await people.connect("vera") as connection:
        process = await connection.create_process("events hello -t")
        await process.stdout.readline()
        assert (await people.run("ada", "access:remove hello vera")).code == 0
        done = await asyncio.wait_for(process.wait(), 2)
        assert done.exit_status == 1
        assert "hello" in str(done.stderr)
        assert (await connection.run("whoami")).exit_status == 0, "the connection stays"


async def test_a_rename_keeps_nobody_in(people: Admin) -> None:
    async with await people.connect("vera") as connection:
        process = await connection.create_process("events hello -t")
        await process.stdout.readline()
        assert (await people.run("ada", "apps:rename hello world")).code == 0
        await asyncio.sleep(0.3)  # until it is watched
        assert process.exit_status is None, "a rename alone takes nothing"
        assert (await people.run("ada", "access:remove world vera")).code == 0
        done = await asyncio.wait_for(process.wait(), 2)
        assert "hello is gone, or your access to it was taken" in str(done.stderr)


async def test_following_a_deployment_ends_when_access_is_taken(
    people: Admin, deployed: Callable[..., Awaitable[Any]]
) -> None:
    async with people.platform.database.read() as session:
        hello = await projects.by_name(session, "hello")
    assert hello is not None
    live = await deployed(hello)
    async with await people.connect("dan") as connection:
        process = await connection.create_process("ps:restart hello")
        async with asyncio.timeout(20):  # until it is followed
            while f"logs:{live.id + 1}" not in people.platform.bus._topics:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert (await people.run("ada", "access:remove hello dan")).code == 0
        done = await asyncio.wait_for(process.wait(), 2)
        assert "your access to it was taken" in str(done.stderr)
    async with people.platform.database.read() as session:
        assert len(await deployments.unfinished_of(session, hello.id)) == 1, "it goes on"


async def test_an_error_of_ours_takes_nothing_from_anybody(
    people: Admin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any) -> bool:
        raise RuntimeError("a bug")

    monkeypatch.setattr(guard, "still_may", broken)
    async with await people.connect("vera") as connection:
        process = await connection.create_process("events hello -t")
        async with asyncio.timeout(5):
            while "a bug" not in caplog.text:  # noqa: ASYNC110 - a log has no event
                await asyncio.sleep(0.02)
        assert process.exit_status is None
        monkeypatch.undo()
        assert (await people.run("ada", "access:remove hello vera")).code == 0
        assert (await asyncio.wait_for(process.wait(), 2)).exit_status == 1


async def test_admins_see_all_and_members_their_own(people: Admin) -> None:
    assert "hello" in (await people.run("root", "apps:list")).out
    assert "hello" in (await people.run("vera", "apps:list")).out
    assert "hello" not in (await people.run("sam", "apps:list")).out
    assert "Did you mean" not in (await people.run("sam", "ps hallo")).err
    assert "Did you mean hello?" in (await people.run("vera", "ps hallo")).err
    async with people.platform.database.begin() as session:
        dan = await users.by_name(session, "dan")
        assert dan is not None
        await users.set_role(session, dan.id, users.ADMIN)
    assert (await people.run("dan", "access:remove hello vera")).code == 0
