"""API keys and SSH keys over HTTP: made, listed, used, removed."""

import asyncio
import datetime as dt
import sqlite3
from dataclasses import replace
from typing import Any

import asyncssh
import pytest
import sqlalchemy as sa

from deployzero.errors import DeployZeroException, UnauthenticatedError
from deployzero.models.access import Role, Scope
from deployzero.models.deployment import Project, User
from deployzero.operations import api_keys, guard, people
from deployzero.store import users
from deployzero.store.tables import APIKeyRow, EventRow

SOON = 5.0


async def made(api: Any, user: str, **body: Any) -> dict[str, Any]:
    answer = await api.post("/auth/keys", user, json={"name": "ci"} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def with_key(api: Any, key: str, path: str, method: str = "GET", **rest: Any) -> Any:
    return await api.request(method, path, headers={"X-API-Key": key}, **rest)


async def set_row(api: Any, key_id: int, **values: Any) -> None:
    async with api.platform.database.begin() as session:
        update = sa.update(APIKeyRow).where(APIKeyRow.id == key_id)
        await session.execute(update.values(**values))


async def row(api: Any, key_id: int) -> APIKeyRow:
    async with api.platform.database.read() as session:
        found: APIKeyRow = await session.get_one(APIKeyRow, key_id)
    return found


async def test_a_key_is_shown_once_listed_used_and_removed(api: Any) -> None:
    await api.person("ana")
    given = await made(api, "ana", expires_in_days=30)
    key, shown = given["api_key"], given["key"]
    assert key.startswith(shown["prefix"])
    assert (shown["name"], shown["scope"], shown["project_name"]) == ("ci", "deploy", None)
    lives = dt.datetime.fromisoformat(shown["expires_at"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=29) < lives < dt.timedelta(days=31)
    listed = await api.get("/auth/keys", "ana")
    assert shown in listed.json()
    assert key not in listed.text
    assert (await with_key(api, key, "/projects")).status_code == 200
    assert (await api.request("DELETE", f"/auth/keys/{shown['id']}", "ana")).status_code == 204
    assert (await with_key(api, key, "/projects")).status_code == 401
    async with api.platform.database.read() as session:
        rows = [(e.action, e.detail) for e in await session.scalars(sa.select(EventRow))]
    assert rows == [
        ("apikeys:create", f"ci --scope deploy ({shown['prefix']})"),
        ("apikeys:remove", str(shown["id"])),
    ]


async def test_another_users_key_is_not_there(api: Any) -> None:
    await api.person("ana")
    await api.person("bob")
    given = await made(api, "ana")
    path = f"/auth/keys/{given['key']['id']}"
    for user in ("bob", "root"):
        refused = await api.request("DELETE", path, user)
        assert (refused.status_code, refused.json()["hint"]) == (404, "`apikeys:list` shows yours.")
    assert given["key"]["id"] not in [k["id"] for k in (await api.get("/auth/keys", "bob")).json()]
    assert (await with_key(api, given["api_key"], "/projects")).status_code == 200


async def test_the_last_way_in_for_an_admin_stays(api: Any) -> None:
    (only,) = (await api.get("/auth/keys", "root")).json()
    refused = await api.request("DELETE", f"/auth/keys/{only['id']}", "root")
    assert (refused.status_code, bool(refused.json()["hint"])) == (409, True)
    await made(api, "root", scope="admin")
    assert (await api.request("DELETE", f"/auth/keys/{only['id']}", "root")).status_code == 204


async def test_only_a_key_of_full_scope_makes_and_removes_keys(api: Any) -> None:
    ana = await api.person("ana")
    app = await api.app("hello", ana)
    for key in (
        await api.key(ana, Scope.READ),
        await api.key(ana, Scope.DEPLOY),
        await api.key(ana, Scope.ADMIN, app),
    ):
        for method, path, body in (
            ("GET", "/auth/keys", None),
            ("POST", "/auth/keys", {"name": "more", "scope": "admin"}),
            ("DELETE", "/auth/keys/1", None),
            ("POST", "/auth/ssh-keys", {"public_key": "ssh-ed25519 AAAA"}),
            ("DELETE", "/auth/ssh-keys/1", None),
        ):
            refused = await with_key(api, key, path, method, json=body)
            assert refused.status_code == 403, (path, refused.text)
            assert refused.json()["hint"]
    for method, path in (("GET", "/auth/keys"), ("POST", "/auth/keys"), ("GET", "/auth/ssh-keys")):
        assert (await api.request(method, path, json={"name": "x"})).status_code == 401
        assert (await with_key(api, "dz_no", path, method, json={"name": "x"})).status_code == 401


async def test_a_key_for_one_app_touches_that_one_alone(api: Any) -> None:
    ana, bob = await api.person("ana"), await api.person("bob")
    await api.app("mine", ana)
    await api.app("other", ana)
    await api.app("bobs", bob)
    given = await made(api, "ana", project="mine", scope="admin")
    assert given["key"]["project_name"] == "mine"
    key = given["api_key"]
    listed = await with_key(api, key, "/projects")
    assert [each["project_name"] for each in listed.json()] == ["mine"]
    assert (await with_key(api, key, "/projects/other")).status_code == 404
    refused = await with_key(api, key, "/projects", "POST", json={"project_name": "new"})
    assert refused.status_code == 403
    for name in ("bobs", "nothing"):
        refused = await api.post("/auth/keys", "ana", json={"name": "x", "project": name})
        assert (refused.status_code, refused.json()["detail"]) == (404, f"there is no app {name}")


BAD: list[dict[str, Any]] = [
    {},
    {"name": ""},
    {"name": " "},
    {"name": "x" * 101},
    {"name": "bell\a"},
    {"name": "\u202egnp"},
    {"name": "x", "scope": "root"},
    {"name": "x", "expires_in_days": 0},
    {"name": "x", "expires_in_days": 3651},
    {"name": "x", "project": "a\u0000b"},
    {"name": "x", "scoop": "admin"},
]


async def test_what_makes_no_sense_is_refused(api: Any) -> None:
    for body in BAD:
        refused = await api.post("/auth/keys", "root", json=body)
        assert (refused.status_code, bool(refused.json()["hint"])) == (422, True), body


async def test_a_user_has_so_many_keys_and_expired_ones_make_room(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "MOST", 2)
    first = await made(api, "root")
    refused = await api.post("/auth/keys", "root", json={"name": "third"})
    assert (refused.status_code, "2 API keys at most" in refused.json()["detail"]) == (409, True)
    await set_row(api, first["key"]["id"], expires_at=dt.datetime.now(dt.UTC))
    await made(api, "root")
    assert len((await api.get("/auth/keys", "root")).json()) == 2


async def test_a_key_that_has_expired_signs_nobody_in_and_is_still_listed(api: Any) -> None:
    given = await made(api, "root", name="one", expires_in_days=1)
    await set_row(api, given["key"]["id"], expires_at=dt.datetime.now(dt.UTC))
    assert (await with_key(api, given["api_key"], "/projects")).status_code == 401
    await made(api, "root", name="two")
    answer = await api.get("/auth/keys", "root", params={"limit": 2})
    assert [each["name"] for each in answer.json()] == ["test", "one"]
    rest = await api.get(answer.links["next"]["url"], "root")
    assert [each["name"] for each in rest.json()] == ["two"]


# Last use -------------------------------------------------------------------------------


async def test_the_last_use_is_written_at_most_once_a_minute(api: Any) -> None:
    given = await made(api, "root")
    key, key_id = given["api_key"], given["key"]["id"]
    assert (await row(api, key_id)).last_used_at is None
    await with_key(api, key, "/projects")
    await api.platform.key_uses.written()
    first = (await row(api, key_id)).last_used_at
    assert first is not None
    await with_key(api, key, "/projects")
    await api.platform.key_uses.written()
    assert (await row(api, key_id)).last_used_at == first
    # As a minute later, after a restart: what is in memory is a guard, the row decides.
    api.platform.key_uses._noted.clear()
    await with_key(api, key, "/projects")
    await api.platform.key_uses.written()
    assert (await row(api, key_id)).last_used_at == first
    await set_row(api, key_id, last_used_at=first - dt.timedelta(minutes=2))
    await with_key(api, key, "/projects")
    await api.platform.key_uses.written()
    assert (await row(api, key_id)).last_used_at >= first


async def test_a_locked_database_neither_fails_nor_delays_who_reads(api: Any) -> None:
    given = await made(api, "root")
    lock = sqlite3.connect(api.platform.settings.data_dir / "deployzero.db", isolation_level=None)
    try:
        lock.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(SOON):  # a writer would wait 30 s for the lock
            assert (await with_key(api, given["api_key"], "/projects")).status_code == 200
    finally:
        lock.close()
    await api.platform.key_uses.written()


async def test_a_use_that_cannot_be_written_is_lost_with_a_word(
    api: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given = await made(api, "root")

    def full(*_: Any, **__: Any) -> Any:
        raise DeployZeroException("the disk of the database is full")

    monkeypatch.setattr(type(api.platform.database), "begin", full)
    for _ in range(3):
        assert (await with_key(api, given["api_key"], "/projects")).status_code == 200
        await api.platform.key_uses.written()
    assert caplog.text.count("the disk of the database is full") == 1


# What runs by a key ---------------------------------------------------------------------


async def forever() -> None:
    await asyncio.Event().wait()


async def watched(api: Any, user: User | None, app: Project | None) -> asyncio.Task[None]:
    """Something that goes on and on."""
    assert user is not None
    name, project_id = (app.name, app.id) if app else ("", None)
    return asyncio.create_task(
        guard.guarded(forever(), forever, api.platform, user, name, project_id, Role.VIEWER)
    )


async def test_what_runs_by_a_key_ends_with_it(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told at once, of an app or of none; an admin's too."""
    monkeypatch.setattr(guard, "CHECK_SECONDS", 60.0)
    monkeypatch.setattr(guard, "LAST_WORDS", 0.01)
    monkeypatch.setattr(guard, "QUICK", 0.01)
    root = await api_keys.authenticate(api.platform, api.keys["root"])
    assert root is not None
    app = await api.app("hello", root)
    bystander = await watched(api, root, app)

    async def removed(user: User) -> None:
        await api_keys.remove(api.platform, user, user.api_key_id or 0)

    async def user_removed(user: User) -> None:
        await people.remove_user(api.platform, root, user.name)

    async def demoted(user: User) -> None:
        await people.set_role(api.platform, root, user.name, users.MEMBER)

    async def expired(user: User) -> None:
        await set_row(api, user.api_key_id or 0, expires_at=dt.datetime.now(dt.UTC))
        api.platform.bus.publish(guard.PEOPLE)  # else it is seen within CHECK_SECONDS

    for number, end in enumerate((removed, user_removed, demoted, expired)):
        await api.person(f"ana{number}", users.ADMIN)
        user = await api_keys.authenticate(api.platform, api.keys[f"ana{number}"])
        assert user is not None
        running = [await watched(api, user, app), await watched(api, user, None)]
        async with asyncio.timeout(SOON):
            # All are watched; that has no event.
            while len(api.platform.bus._topics.get(guard.PEOPLE, ())) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await end(user)
        for each in running:
            with pytest.raises(UnauthenticatedError, match="removed or has expired"):
                await asyncio.wait_for(each, SOON)
    assert not bystander.done()
    bystander.cancel()
    # Who came over SSH has none that could go.
    assert await api_keys.still_signed_in(api.platform, replace(root, api_key_id=None))


async def test_a_key_goes_with_its_app(api: Any) -> None:
    ana = await api.person("ana")
    app = await api.app("hello", ana)
    key = await api.key(ana, Scope.ADMIN, app)
    async with api.platform.database.begin() as session:
        await session.execute(sa.text("DELETE FROM projects"))
    assert (await with_key(api, key, "/projects")).status_code == 401


# SSH keys -------------------------------------------------------------------------------


def public(comment: str = "laptop") -> str:
    key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
    return key.export_public_key().decode()


async def test_ssh_keys_are_added_listed_and_removed(api: Any) -> None:
    await api.person("ana")
    await api.person("bob")
    added = await api.post("/auth/ssh-keys", "ana", json={"public_key": public()})
    assert added.status_code == 201
    (key,) = added.json()
    assert (key["name"], key["fingerprint"][:7]) == ("laptop", "SHA256:")
    assert (await api.get("/auth/ssh-keys", "ana")).json() == [key]
    assert (await api.get("/auth/ssh-keys", "bob")).json() == []
    path = f"/auth/ssh-keys/{key['id']}"
    assert (await api.request("DELETE", path, "bob")).status_code == 404
    assert (await api.request("DELETE", path, "root")).status_code == 404
    assert (await api.request("DELETE", path, "ana")).status_code == 204
    assert (await api.get("/auth/ssh-keys", "ana")).json() == []
    for text in ("junk", "ssh-dss AAAA", "\u0000", "x" * 70_000):
        refused = await api.post("/auth/ssh-keys", "root", json={"public_key": text})
        assert refused.status_code in (413, 422), refused.text
    line = public()
    assert (await api.post("/auth/ssh-keys", "root", json={"public_key": line})).status_code == 201
    again = await api.post("/auth/ssh-keys", "root", json={"public_key": line})
    assert again.status_code == 409
