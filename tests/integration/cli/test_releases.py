"""What starts a deployment is followed as a push is; releases, processes."""

import asyncio
import json
from typing import Any

from deployzero.deploy.ending import cancel_waiting


async def test_a_change_is_followed_until_it_is_live(cli: Any, deployed: Any, worker: Any) -> None:
    await deployed(await cli.app("hello", await cli.person("ana")))
    running = asyncio.create_task(cli.run("ana", "config", "set", "A=1", "-a", "hello"))
    await worker()
    done = await running
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "-----> config: set A"
    assert "http://hello.localhost:8080" in lines[-1]


async def test_one_that_fails_tells_why_and_exits_with_1(
    cli: Any, deployed: Any, worker: Any
) -> None:
    project = await cli.app("hello", await cli.person("ana"))
    await deployed(project)
    await deployed(project)
    for words in (("rollback", "v1"), ("restart", "hello"), ("scale", "web=2")):
        app = () if "hello" in words else ("-a", "hello")
        running = asyncio.create_task(cli.run("ana", *words, *app))
        await worker("it never became healthy")
        done = await running
        assert done.exit_code == 1, words
        assert "it never became healthy" in done.output


async def test_detached_nothing_is_waited_for(cli: Any, deployed: Any) -> None:
    await deployed(await cli.app("hello", await cli.person("ana")))
    done = await cli.run("ana", "scale", "web=2", "-a", "hello", "--detach")
    assert done.exit_code == 0, done.output
    assert "--deployment 2" in done.stdout


async def test_deployments_are_listed_with_why_and_the_one_under_way_is_cancelled(
    cli: Any, deployed: Any, worker: Any
) -> None:
    await deployed(await cli.app("hello", await cli.person("ana")))
    await cli.run("ana", "restart", "hello", "-d")
    await worker("it crashed")
    waiting = await cli.run("ana", "restart", "hello", "-d")
    assert "deployzero cancel 3" in waiting.stdout
    cancelling = asyncio.create_task(cli.run("ana", "builds:cancel", "hello"))
    async with asyncio.timeout(20):
        while not (cancels := cli.platform.queue.take_cancels()):  # noqa: ASYNC110 - the worker's
            await asyncio.sleep(0.02)
    await cancel_waiting(cli.platform, 3, cancels[3])
    stopped = await cancelling
    assert "Deployment 3 of hello is stopped" in stopped.stdout, stopped.output
    again = await cli.run("ana", "cancel", "-a", "hello")
    assert (again.exit_code, again.stderr.splitlines()[0]) == (1, " !     nothing is under way")
    assert (await cli.run("ana", "cancel", "hello", "1")).exit_code == 1  # it has ended
    rows = [line.split() for line in (await cli.run("ana", "builds", "hello")).stdout.splitlines()]
    assert [row[0] for row in rows] == ["ID", "3", "2", "1"]
    assert rows[2][3:] == ["ana", "restart", "error", "-", "it", "crashed"]
    assert rows[3][3:7] == ["ana", "push", "live", "v1"]
    found = json.loads((await cli.run("ana", "builds", "hello", "--json")).stdout)
    assert found[0]["state"] == "cancelled"


async def test_the_app_may_stand_before_the_version_or_the_counts(cli: Any, deployed: Any) -> None:
    project = await cli.app("hello", await cli.person("ana"))
    await deployed(project)
    await deployed(project)
    for words in ("rollback hello v1", "rollback hello", "ps:scale hello web=2"):
        done = await cli.run("ana", *words.split(), "-d")
        assert "Deployment" in done.stdout, done.output
    assert "web" in (await cli.run("ana", "scale", "hello")).stdout
    assert "'seven' is no release" in (await cli.run("ana", "rollback", "hello", "seven")).stderr


async def test_a_deployments_log_is_printed_and_with_t_its_end_is_the_exit_status(
    cli: Any, deployed: Any, worker: Any
) -> None:
    await deployed(await cli.app("hello", await cli.person("ana")))
    await cli.run("ana", "restart", "hello", "-d")
    await worker("it crashed")
    plain = await cli.run("ana", "logs", "--deployment", "2")
    assert (plain.exit_code, plain.stdout) == (0, "-----> restart: Restart\n")
    assert (await cli.run("ana", "logs", "--deployment", "2", "-t")).exit_code == 1
    as_json = await cli.run("ana", "logs", "--deployment", "2", "--json")
    assert json.loads(as_json.stdout)["seq"] == 1


async def test_releases_are_listed_and_one_told_of(cli: Any, deployed: Any) -> None:
    project = await cli.app("hello", await cli.person("ana"))
    await deployed(project, message="first")
    await deployed(project, message="second\x1b[31m")
    listed = await cli.run("ana", "releases", "hello")
    heading, newest, oldest = listed.stdout.splitlines()
    assert newest.split()[0] == "v2"
    assert "push: second" in newest
    assert "live" in newest.split()
    assert "\x1b" not in listed.stdout
    assert heading.index("WHAT") == newest.index("push:") == oldest.index("push:")
    assert len((await cli.run("ana", "releases", "hello", "-n", "1")).stdout.splitlines()) == 2
    one = await cli.run("ana", "releases", "hello", "--info", "v1")
    assert "release:" in one.stdout
    assert json.loads((await cli.run("ana", "releases", "hello", "--json")).stdout)[1][
        "message"
    ] == "first"  # fmt: skip
    bad = await cli.run("ana", "rollback", "seven", "-a", "hello")
    assert bad.exit_code == 1
    assert "'seven' is no release" in bad.stderr


async def test_processes_are_told_of_though_the_engine_is_away(cli: Any, deployed: Any) -> None:
    await deployed(await cli.app("hello", await cli.person("ana")), {"web": 1, "worker": 1})
    done = await cli.run("ana", "ps", "hello")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "hello v1 http://hello.localhost:8080"
    assert "web.1" in done.stdout
    assert "- of 512m" in done.stdout
    assert "worker: 0 of it run" in done.stdout
    counts = json.loads((await cli.run("ana", "scale", "-a", "hello", "--json")).stdout)
    assert counts == {"web": 1, "worker": 0}


async def test_what_runs_is_not_started_again(cli: Any, deployed: Any) -> None:
    await deployed(await cli.app("hello", await cli.person("ana")))
    done = await cli.run("ana", "start", "hello")
    assert done.exit_code == 0, done.output
    assert "It runs already" in done.stdout


async def test_domains_are_added_listed_and_cleared(cli: Any) -> None:
    await cli.app("hello", await cli.person("ana"))
    added = await cli.run(
        "ana", "domains", "add", "www.example.com", "*.example.org", "-a", "hello"
    )
    assert added.exit_code == 0, added.output
    assert "-----> Added www.example.com" in added.stdout
    assert "wildcard" in (await cli.run("ana", "domains", "-a", "hello")).stdout
    removed = await cli.run("ana", "domains", "remove", "*.example.org", "-a", "hello")
    assert "-----> Removed *.example.org" in removed.stdout, removed.output
    assert (await cli.run("ana", "domains", "clear", "-a", "hello")).exit_code == 0
    found = json.loads((await cli.run("ana", "domains", "-a", "hello", "--json")).stdout)
    assert found["names"] == []
