"""apikeys:* over SSH: how the command line signs in without a page."""

import json
from typing import Any

import sqlalchemy as sa

from deployzero import __version__
from deployzero.models.access import Scope
from deployzero.operations import api_keys
from deployzero.store.tables import EventRow

Admin = Any


async def test_a_key_is_made_listed_and_removed(admin: Admin) -> None:
    await admin.person("bob")
    made = await admin.run("bob", "apikeys:create --name 'my laptop' --scope read --expires-days 9")
    assert made.code == 0, made.err
    key = made.out.strip()
    assert made.out == f"{key}\n"  # alone: KEY=$(ssh … apikeys:create)
    user = await api_keys.authenticate(admin.platform, key)
    assert (user.name, user.scope, user.only_project) == ("bob", Scope.READ, None)
    assert "It is shown this once" in made.err
    await admin.platform.key_uses.written()
    (listed,) = json.loads((await admin.run("bob", "apikeys:list --json")).out)
    assert (listed["name"], listed["prefix"], listed["scope"]) == ("my laptop", key[:11], "read")
    assert listed["last_used_at"] is not None
    assert key not in (await admin.run("bob", "apikeys:list")).out
    other = await admin.run("root", f"apikeys:remove {listed['id']}")
    assert (other.code, "you have no API key" in other.err) == (1, True)
    assert (await admin.run("bob", f"apikeys:remove {listed['id']}")).code == 0
    assert await api_keys.authenticate(admin.platform, key) is None
    async with admin.platform.database.read() as session:
        events = [(e.action, e.detail) for e in await session.scalars(sa.select(EventRow))]
    assert events[0] == (
        "apikeys:create", "--name my laptop --scope read --expires-days 9",
    )  # fmt: skip
    assert key not in str(events)


async def test_as_json_it_says_where_the_server_is(admin: Admin) -> None:
    bob = await admin.person("bob")
    await admin.app("hello", bob)
    made = await admin.run("bob", "apikeys:create --scope admin --app hello --json")
    told = json.loads(made.out)
    assert told["api_key"].startswith(told["key"]["prefix"])
    assert (told["key"]["project_name"], told["key"]["expires_at"]) == ("hello", None)
    assert (told["username"], told["role"]) == ("bob", "member")
    assert told["server"] == {
        "api_url": admin.platform.settings.api_url,
        "ssh": "localhost:1",
        "domain": "localhost",
        "version": __version__,
    }


async def test_what_makes_no_sense_is_refused(admin: Admin) -> None:
    for words in (
        "--scope root",
        "--expires-days 0",
        "--expires-days 4000",
        "--name ''",
        f"--name {'x' * 101}",
        "--app nothing",
    ):
        assert (await admin.run("root", f"apikeys:create {words}")).code == 1, words
    for words in ("", "x", "0", "99999999999"):
        assert (await admin.run("root", f"apikeys:remove {words}")).code == 1, words
    assert (await admin.run("root", "apikeys")).out.startswith("There is no API key yet")
