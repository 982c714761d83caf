"""apps, create, open, destroy, events, access."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    folder = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    monkeypatch.chdir(folder)
    return folder


def remote_of(folder: Path) -> str:
    return subprocess.run(
        ["git", "remote", "get-url", "deployzero"], cwd=folder, capture_output=True, text=True
    ).stdout.strip()


async def test_an_app_is_made_listed_opened_and_destroyed(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await cli.person("ana")
    done = await cli.run("ana", "create", "hello")
    assert done.exit_code == 0, done.output
    assert "=====> hello is made: http://hello.localhost" in done.output
    assert "git remote add deployzero ssh://deployzero@localhost:1/hello" in done.output

    listed = await cli.run("ana", "apps")
    heading, line = listed.stdout.splitlines()
    assert heading.split() == ["APP", "RELEASE", "PROCESSES", "URL"]
    assert line.split() == ["hello", "-", "not", "deployed", "http://hello.localhost:8080"]
    as_json = json.loads((await cli.run("ana", "apps", "--json")).stdout)
    assert [(each["project_name"], each["release"]) for each in as_json] == [("hello", None)]
    assert (await cli.run("ana", "open", "hello", "--print")).stdout == (
        "http://hello.localhost:8080\n"
    )

    refused = await cli.run("ana", "destroy", "hello", "--confirm", "helo")
    assert refused.exit_code == 1
    assert "deployzero destroy hello --confirm hello" in refused.stderr
    assert (await cli.run("ana", "destroy", "hello")).exit_code == 1  # nobody can be asked
    assert (await cli.run("ana", "apps")).stdout != ""


async def test_a_new_app_gets_the_folders_git_remote_and_one_that_is_there_stays(
    cli: Any, repository: Path
) -> None:
    done = await cli.run("root", "create", "hello")
    assert "git push deployzero main" in done.output
    assert remote_of(repository) == "ssh://deployzero@localhost:1/hello"
    other = await cli.run("root", "create", "other")
    assert other.exit_code == 0
    assert remote_of(repository) == "ssh://deployzero@localhost:1/hello"
    assert "git remote set-url deployzero ssh://deployzero@localhost:1/other" in other.output
    asked = await cli.run("root", "create", "third", "--remote")
    assert asked.exit_code == 1
    assert "stays" in asked.stderr


async def test_a_remote_that_is_there_already_needs_no_hint(cli: Any, repository: Path) -> None:
    git = ["git", "remote", "add", "deployzero", "ssh://deployzero@localhost:1/hello"]
    await asyncio.to_thread(subprocess.run, git, check=True)
    done = await cli.run("root", "create", "hello", "--remote")
    assert done.exit_code == 0, done.output
    assert "remote set-url" not in done.output
    assert "git push deployzero main" in done.output


async def test_no_remote_is_added_if_so_asked(cli: Any, repository: Path) -> None:
    assert (await cli.run("root", "create", "hello", "--no-remote")).exit_code == 0
    assert remote_of(repository) == ""


async def test_a_refusal_says_what_to_do_and_exits_with_1(cli: Any) -> None:
    await cli.app("hello", await cli.person("ana"))
    await cli.person("ben")
    done = await cli.run("ben", "open", "hello", "--print")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == " !     there is no app hello"


async def test_an_app_named_twice_must_be_the_same(cli: Any) -> None:
    done = await cli.run("root", "open", "one", "-a", "two", "--print")
    assert done.exit_code == 1
    assert "which app, one or two?" in done.stderr


async def test_an_app_is_shared_and_the_audit_log_tells_of_it(cli: Any) -> None:
    await cli.app("hello", await cli.person("ana"))
    await cli.person("ben")
    given = await cli.run("ana", "access", "add", "ben", "--role", "viewer", "-a", "hello")
    assert given.exit_code == 0, given.output
    assert "viewer" in (await cli.run("ana", "access", "-a", "hello")).stdout
    assert (await cli.run("ben", "open", "hello", "--print")).exit_code == 0
    taken = await cli.run("ana", "access", "remove", "ben", "-a", "hello")
    assert taken.exit_code == 0
    assert (await cli.run("ben", "open", "hello", "--print")).exit_code == 1

    told = await cli.run("ana", "events", "hello")
    assert "access:add" in told.stdout
    found = json.loads((await cli.run("ana", "events", "hello", "-n", "1", "--json")).stdout)
    assert len(found) == 1
