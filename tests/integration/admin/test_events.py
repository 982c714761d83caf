"""The audit log: who did what, with what result, and who may read it."""

import asyncio
import json
import logging
import sqlite3
import time
from typing import Any

import pytest

from deployzero.errors import DeployZeroException
from deployzero.operations import events
from deployzero.store import events as event_rows
from deployzero.store import projects, users

Admin = Any


async def rows(admin: Admin, user: str = "root", words: str = "") -> list[dict[str, Any]]:
    done = await admin.run(user, f"events {words} --json")
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


async def test_successes_and_refusals_are_recorded(admin: Admin) -> None:
    bob = await admin.person("bob")
    await admin.app("hello", bob)
    await admin.person("eve")
    await admin.run("bob", "access:add hello eve --role viewer")
    await admin.run("eve", "access:remove hello bob")
    await admin.run("eve", "users:list")
    await admin.run("eve", "ssh-keys:remove nothing")
    await admin.run("eve", "access:list hello")  # reading is not recorded
    await admin.run("eve", "access:list --nonsense")  # nor what was not understood
    found = await rows(admin)
    assert [(row["user"], row["action"], row["app"], row["detail"]) for row in found] == [
        ("bob", "access:add", "hello", "eve --role viewer"),
        ("eve", "access:remove", "hello", "bob"),
        ("eve", "users:list", "", ""),
        ("eve", "keys:remove", "", "nothing"),
    ]
    assert [row["result"] for row in found] == [
        "ok",
        "you are a viewer of hello: this needs an owner",
        "only an admin may do this",
        "you have no key nothing",
    ]
    assert found[0]["key_fingerprint"] == admin.keys["bob"].get_fingerprint()


async def test_members_see_what_concerns_their_apps_alone(admin: Admin) -> None:
    bob, eve = await admin.person("bob"), await admin.person("eve")
    await admin.app("bobs", bob)
    await admin.app("eves", eve)
    await admin.person("vera")
    await admin.run("bob", "access:add bobs vera --role viewer")
    await admin.run("eve", "access:add eves vera")
    await admin.run("eve", "access:remove eves vera")
    await admin.run("eve", "access:list bobs")  # a stranger's try: bob may know
    assert {row["app"] for row in await rows(admin, "root")} == {"bobs", "eves"}
    assert [(row["user"], row["app"]) for row in await rows(admin, "bob")] == [
        ("bob", "bobs"),
        ("eve", "bobs"),
    ]
    assert {row["app"] for row in await rows(admin, "vera")} == {"bobs"}
    assert await rows(admin, "vera", "bobs") == await rows(admin, "bob", "bobs")
    assert "there is no app eves" in (await admin.run("vera", "events eves")).err


async def test_a_name_given_anew_brings_no_old_events(admin: Admin) -> None:
    bob, eve = await admin.person("bob"), await admin.person("eve")
    first = await admin.app("hello", bob)
    await admin.run("bob", "access:add hello eve")
    async with admin.platform.database.begin() as session:
        await projects.remove(session, first.id)
    await admin.app("hello", eve)
    assert await rows(admin, "eve", "hello") == []
    assert len(await rows(admin, "root", "hello")) == 1


async def test_a_name_taken_by_a_rename_brings_no_history_but_the_apps_own(admin: Admin) -> None:
    alice, bob = await admin.person("alice"), await admin.person("bob")
    first = await admin.app("shop", alice)
    await admin.app("old", bob)
    await admin.run("alice", "access:add shop bob")
    async with admin.platform.database.begin() as session:
        await projects.remove(session, first.id)
    await admin.run("bob", "apps:lock old")
    await admin.run("bob", "apps:unlock old")
    assert (await admin.run("bob", "apps:rename old shop")).code == 0
    own = [("apps:lock", "old"), ("apps:unlock", "old"), ("apps:rename", "old")]
    for words in ("", "shop"):
        assert [(row["action"], row["app"]) for row in await rows(admin, "bob", words)] == own
    assert len(await rows(admin, "root", "shop")) == 4


async def test_an_apps_making_is_in_its_history(admin: Admin) -> None:
    await admin.person("bob")
    assert (await admin.run("bob", "apps:create hello")).code == 0
    assert [row["action"] for row in await rows(admin, "bob", "hello")] == ["apps:create"]


async def test_a_follower_looks_once_for_many_events(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, after = [], event_rows.after

    async def counted(*words: Any, **options: Any) -> Any:
        looks.append(words)
        return await after(*words, **options)

    monkeypatch.setattr(event_rows, "after", counted)
    root = await admin.person("boss", users.ADMIN)
    async with await admin.connect("root") as connection:
        process = await connection.create_process("events -t")
        begun = time.monotonic()
        for number in range(100):
            async with events.recorded(admin.platform, root, action=f"n{number}"):
                pass
        async with asyncio.timeout(5):
            while "n99" not in await process.stdout.readline():
                pass
        took = time.monotonic() - begun
    assert 1 <= len(looks) <= 2 + took / events.REST_SECONDS


async def test_new_events_are_followed(admin: Admin) -> None:
    await admin.run("root", "users:add one")
    async with await admin.connect("root") as connection:
        process = await connection.create_process("events -t -n 1")
        assert "users:add one" in await asyncio.wait_for(process.stdout.readline(), 5)
        await admin.run("root", "users:add two")
        line = await asyncio.wait_for(process.stdout.readline(), 5)
        assert "root" in line
        assert line.rstrip().endswith("users:add two --role member: ok")


async def test_a_follower_that_hangs_up_is_forgotten(admin: Admin) -> None:
    connection = await admin.connect("root")
    process = await connection.create_process("events -t")
    await admin.run("root", "users:add one")
    await asyncio.wait_for(process.stdout.readline(), 5)
    topics = admin.platform.bus._topics
    assert topics["events"]
    connection.abort()
    async with asyncio.timeout(5):
        while topics.get("events"):  # noqa: ASYNC110 - the bus tells nobody
            await asyncio.sleep(0.02)


async def test_hostile_words_are_cleaned_and_cut(admin: Admin) -> None:
    name = "\x1b[31mred\u202e\n" + "x" * 5000
    await admin.run("root", f"users:remove '{name}'")
    (row,) = await rows(admin)
    assert len(row["detail"]) <= events.LONGEST_DETAIL
    assert "\x1b" not in row["detail"]
    assert "\u202e" not in row["detail"]
    assert "\n" not in row["detail"] + row["result"]
    await admin.run("root", f"access:list '{name}'")
    assert len((await rows(admin))[-1]["app"]) <= events.LONGEST_APP


async def test_a_command_that_succeeded_is_not_failed_by_the_audit_log(
    admin: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    path = admin.platform.settings.data_dir / "deployzero.db"
    with sqlite3.connect(path) as database:  # a disk that is full for this table alone
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    done = await admin.run("root", "users:add bob")
    assert (done.code, done.err) == (0, "")
    assert "bob" in (await admin.run("root", "users:list")).out
    refused = await admin.run("root", "users:add bob")
    assert "the user bob exists already" in refused.err
    assert "not in the audit log: root's users:add" in caplog.text


async def fill(admin: Admin) -> list[str]:
    """Add users until there is no room; returns their names."""
    names: list[str] = []
    try:
        while True:
            async with admin.platform.database.begin() as session:
                await users.create(session, f"user{len(names)}")
            names.append(f"user{len(names)}")
    except DeployZeroException:
        return names


async def test_a_full_disk_fails_the_command_in_words_and_changes_nothing(
    admin: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite's own limit, hit where a disk would be full."""
    caplog.set_level(logging.ERROR)
    async with admin.platform.database.begin() as session:
        connection = await session.connection()
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    names = await fill(admin)
    name = f"user{len(names)}"
    refused = await admin.run("root", f"users:add {name}")
    assert refused.code == 1
    assert "the disk of the database is full" in refused.err
    assert "Free some space" in refused.err
    assert "Traceback" not in refused.err + caplog.text
    listed = json.loads((await admin.run("root", "users:list --json")).out)
    assert sorted(row["name"] for row in listed) == sorted(["root", *names])
    async with admin.platform.database.begin() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("PRAGMA max_page_count = 1073741823")
    assert (await admin.run("root", f"users:add {name}")).code == 0


async def test_what_a_kill_cuts_off_stands_in_the_audit_log(admin: Admin) -> None:
    platform = admin.platform
    async with platform.database.read() as session:
        root = await users.by_name(session, "root")
    assert root is not None
    async with events.recorded(platform, root, action="apps:destroy", app="vic"):
        (begun,) = await events.list_events(platform, root)
        assert (begun.action, begun.app, begun.result) == ("apps:destroy", "vic", "under way")
        async with platform.database.begin() as session:  # as the next start does after a kill
            await event_rows.end_interrupted(session)
        (cut,) = await events.list_events(platform, root)
        assert cut.result == "deployzero was stopped in the middle"
    (ended,) = await events.list_events(platform, root)
    assert (ended.result, ended.at) == ("ok", begun.at)
