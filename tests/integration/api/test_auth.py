"""Accounts over HTTP: register, log in, refresh, log out, passwords, sessions."""

import asyncio
import datetime as dt
import hashlib
import itertools
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from deployzero.models.access import Scope
from deployzero.operations import accounts, api_keys, passwords, people, registration
from deployzero.store import keys, users
from deployzero.store.tables import APIKeyRow, EventRow, UserRow

PASSWORD = "a few words are easy"
OUTSIDE = {"X-Forwarded-For": "203.0.113.7"}
"""As the proxy says it: the tests themselves are on loopback, where a proxy is believed."""


async def account(api: Any, name: str = "ada", password: str = PASSWORD) -> str:
    """Register by an invitation; returns the key."""
    made = await api.post("/invitations", "root", json={"username": name})
    body = {"username": name, "password": password, "invitation": made.json()["invitation"]}
    answer = await api.post("/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    api.keys[name] = answer.json()["api_key"]
    return str(api.keys[name])


async def login(api: Any, name: str = "ada", password: str = PASSWORD, **rest: Any) -> Any:
    return await api.post("/auth/login", json={"username": name, "password": password}, **rest)


async def row_of(api: Any, name: str) -> UserRow:
    async with api.platform.database.read() as session:
        found = await session.scalar(sa.select(UserRow).where(UserRow.name == name))
    assert found is not None
    return found


async def events(api: Any) -> list[tuple[str, str, str, str]]:
    query = sa.select(EventRow).order_by(EventRow.id)
    async with api.platform.database.read() as session:
        rows = (await session.scalars(query)).all()
    return [(row.user, row.action, row.detail, row.result) for row in rows]


async def forget_root(api: Any) -> None:
    """No admin has any way in: as a server that was just made."""
    async with api.platform.database.begin() as session:
        await session.execute(sa.delete(APIKeyRow))


# Register --------------------------------------------------------------------------------


def first(name: str = "ada", password: str = PASSWORD) -> dict[str, str]:
    return {"username": name, "password": password}


async def test_the_first_account_is_an_admins_when_no_admin_can_sign_in(api: Any) -> None:
    await forget_root(api)
    root = await row_of(api, "root")
    async with api.platform.database.begin() as session:  # by the demo's nobody signs in
        await keys.add(session, root.id, people.DEMO, "ssh-ed25519 AAAA", "SHA256:demo")
    assert await registration.is_first(api.platform)
    answer = await api.post("/auth/register", json=first() | {"name": "laptop"})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["username"], told["role"]) == ("ada", "admin")
    assert told["key"]["name"] == "laptop"
    assert told["key"]["scope"] == "admin"
    lives = dt.datetime.fromisoformat(told["key"]["expires_at"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=364) < lives <= dt.timedelta(days=365)
    row = await row_of(api, "ada")
    assert row.api_key == hashlib.sha256(told["api_key"].encode()).hexdigest()
    assert row.password is not None
    assert row.password.startswith("$argon2id$")
    assert not await registration.is_first(api.platform)


async def test_the_first_account_may_be_the_row_that_the_server_made_for_its_admin(
    api: Any,
) -> None:
    await forget_root(api)
    answer = await api.post("/auth/register", json=first("root"))
    assert (answer.status_code, answer.json()["role"]) == (201, "admin")


async def test_the_first_account_is_a_members_where_an_admin_has_a_way_in(api: Any) -> None:
    refused = await api.post("/auth/register", json=first("root"))
    assert refused.status_code == 409, "that row is somebody's"
    answer = await api.post("/auth/register", json=first())
    assert (answer.status_code, answer.json()["role"]) == (201, "member")


async def test_the_second_account_needs_an_invitation(api: Any) -> None:
    await account(api)
    refused = await api.post("/auth/register", json=first("bob"))
    assert refused.status_code == 403
    assert "users:invite" in refused.json()["hint"]
    assert "invitation" in refused.json()["hint"]


async def test_of_two_first_registrations_at_once_one_is_the_first(api: Any) -> None:
    await forget_root(api)
    answers = await asyncio.gather(
        *(api.post("/auth/register", json=first(name)) for name in ("ada", "bob", "eve"))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403]


ELSEWHERE = [
    OUTSIDE,
    {"X-Forwarded-For": "127.0.0.1, 203.0.113.7"},
    {"X-Forwarded-For": "203.0.113.7, 127.0.0.1"},
    {"X-Forwarded-For": "2001:db8::1"},
    {"X-Forwarded-For": "nonsense"},
    {"Host": "evil.example"},
]


async def test_the_first_is_who_asks_on_this_machine_by_a_name_of_its_own(api: Any) -> None:
    await forget_root(api)
    for headers in ELSEWHERE:
        refused = await api.post("/auth/register", json=first(), headers=headers)
        assert refused.status_code == 403
        assert "server's own machine" in refused.json()["hint"]
    for n, host in enumerate(("localhost", "127.0.0.1:1", "[::1]", "api.localhost:8080")):
        headers = {"Host": host, "X-Forwarded-For": "127.0.0.1"}
        answer = await api.post("/auth/register", json=first(f"ada{n}"), headers=headers)
        assert answer.status_code == 201
        async with api.platform.database.begin() as session:
            await session.execute(sa.update(UserRow).values(password=None))


def set_registration(api: Any, how: str) -> None:
    # The settings are frozen, and one server a test is enough.
    object.__setattr__(
        api.platform, "settings", api.platform.settings.model_copy(update={"registration": how})
    )


async def test_with_registration_by_invitation_nobody_is_the_first(api: Any) -> None:
    set_registration(api, "invite")
    refused = await api.post("/auth/register", json=first())
    assert refused.status_code == 403
    assert "own machine" not in refused.json()["hint"]
    await account(api)


async def test_with_open_registration_all_may_come_as_members(api: Any) -> None:
    set_registration(api, "open")
    for name in ("ada", "bob"):
        answer = await api.post("/auth/register", json=first(name), headers=OUTSIDE)
        assert (answer.status_code, answer.json()["role"]) == (201, "member")
    assert (await api.post("/auth/register", json=first("bob"))).status_code == 409


BAD: list[tuple[Any, str]] = [
    (first("Ada"), "bad user name"),
    (first("a/b"), "bad user name"),
    (first("x" * 33), "bad user name"),
    (first("ada", "short"), "password"),
    (first("ada", "x" * 1025), "password"),
    (first("ada-lovelace", "ada-lovelace"), "the password is the user name"),
    ({"username": "ada"}, "password"),
    ({"username": "ada\0", "password": PASSWORD}, "bad user name"),
    ([], "cannot be read"),
]


async def test_what_is_no_registration_is_refused_in_words(api: Any) -> None:
    for body, says in BAD:
        refused = await api.post("/auth/register", json=body)
        assert refused.status_code == 422
        assert says in refused.json()["detail"]
        assert refused.json()["hint"]
        assert PASSWORD not in refused.text
    for path in ("/auth/register", "/auth/login"):
        for content in (b'{"username": ', b'{"username": "a", "password": "\\ud800xxxxxxxx"}'):
            headers = {"Content-Type": "application/json"}
            refused = await api.post(path, content=content, headers=headers)
            assert refused.status_code == 422
        # What a page of another site may send without being asked is no request of ours.
        plain = await api.post(path, content=b"{}", headers={"Content-Type": "text/plain"})
        assert plain.status_code == 422


# Log in and out --------------------------------------------------------------------------


async def test_a_password_gives_a_key_that_signs_in(api: Any) -> None:
    await account(api)
    answer = await login(api, headers={"User-Agent": "curl/8.1\x1b[31m"})
    assert answer.status_code == 200
    told = answer.json()
    assert told["key"]["name"] == "curl/8.1"
    me = await api.get("/auth/me", headers={"X-API-Key": told["api_key"]})
    assert (me.json()["username"], me.json()["scope"]) == ("ada", "admin")
    assert (await row_of(api, "ada")).api_key == api_keys.digest(told["api_key"])
    async with api.platform.database.read() as session:
        stored = await session.scalars(sa.select(APIKeyRow.sha256))
        assert told["api_key"] not in stored.all()


async def test_whatever_is_wrong_is_answered_in_the_same_words(api: Any) -> None:
    await account(api)
    await api.person("keyed")  # has no password
    answers = [
        await login(api, "ada", "wrong password"),
        await login(api, "nobody", PASSWORD),
        await login(api, "keyed", ""),
        await login(api, "No\0body", PASSWORD),
        await login(api, "ada", PASSWORD + " "),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["detail"] == "wrong user name or password"
    assert "users:invite" in answers[0].json()["hint"]


async def test_an_unknown_user_costs_as_much_as_a_known_one(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await account(api)
    hashed: list[str] = []

    class Counting(PasswordHasher):
        def hash(self, password: Any, *, salt: bytes | None = None) -> str:
            hashed.append("hash")
            return super().hash(password, salt=salt)

        def verify(self, hash: Any, password: Any) -> Any:
            hashed.append("verify")
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "HASHER", Counting(time_cost=1, memory_cost=64))
    await login(api, "ada", "wrong password")
    await login(api, "nobody", "wrong password")
    assert hashed == ["verify", "hash"]


async def test_the_same_password_is_known_however_it_was_typed(api: Any) -> None:
    await account(api, password="un caf\u00e9 noir")
    assert (await login(api, password="un cafe\u0301 noir")).status_code == 200


async def test_a_hash_of_other_days_is_made_anew(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await account(api)
    before = (await row_of(api, "ada")).password
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=2, memory_cost=64))
    assert (await login(api)).status_code == 200
    after = (await row_of(api, "ada")).password
    assert before is not None
    assert after is not None
    assert ("t=1" in before, "t=2" in after) == (True, True)
    assert (await login(api)).status_code == 200
    assert (await row_of(api, "ada")).password == after


async def test_logging_in_again_and_again_fills_no_table(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "MOST_ALIKE", 3)
    await account(api)
    made = [(await login(api)).json()["api_key"] for _ in range(5)]
    alive = [(await api.get("/auth/me", headers={"X-API-Key": key})).is_success for key in made]
    assert alive == [False, False, True, True, True]


async def test_a_refreshed_key_is_as_wide_and_the_old_one_stops(api: Any) -> None:
    ada = await api.person("ada")
    app = await api.app("hello", ada)
    old = await api.key(ada, Scope.READ, app)
    answer = await api.post("/auth/refresh", headers={"X-API-Key": old})
    assert answer.status_code == 200
    told = answer.json()
    key = told["key"]
    assert (key["scope"], key["project_name"], key["name"]) == ("read", "hello", "test")
    assert key["expires_at"] is None
    assert (await api.get("/auth/me", headers={"X-API-Key": old})).status_code == 401
    me = await api.get("/auth/me", headers={"X-API-Key": told["api_key"]})
    assert (me.json()["scope"], me.json()["project_name"]) == ("read", "hello")
    assert (await row_of(api, "ada")).api_key == api_keys.digest(told["api_key"])


async def test_a_refreshed_key_lives_as_long_as_the_old_one_did(api: Any) -> None:
    await account(api)
    async with api.platform.database.begin() as session:
        row = await session.scalar(sa.select(APIKeyRow).order_by(APIKeyRow.id.desc()).limit(1))
        row.created_at = dt.datetime.now(dt.UTC) - dt.timedelta(days=20)
        row.expires_at = row.created_at + dt.timedelta(days=30)
    told = (await api.post("/auth/refresh", "ada")).json()
    lives = dt.datetime.fromisoformat(told["key"]["expires_at"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=29) < lives <= dt.timedelta(days=30)


async def test_of_two_refreshes_at_once_one_makes_a_key(api: Any) -> None:
    await account(api)
    answers = await asyncio.gather(*(api.post("/auth/refresh", "ada") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]


async def test_who_logs_out_loses_that_key_alone(api: Any) -> None:
    await account(api)
    other = (await login(api)).json()["api_key"]
    assert (await api.post("/auth/logout", "ada")).status_code == 204
    assert (await api.post("/auth/logout", "ada")).status_code == 401
    assert (await api.get("/auth/me", headers={"X-API-Key": other})).status_code == 200


OF_AN_ACCOUNT = [
    ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"),
    ("POST", "/auth/password"),
    ("GET", "/auth/me"),
]


async def test_what_is_about_an_account_needs_a_key(api: Any) -> None:
    ada = await api.person("ada")
    cookie = await accounts.start_session(api.platform, ada, agent="firefox")
    for (method, path), key in itertools.product(OF_AN_ACCOUNT, (None, "dz_wrong", cookie)):
        headers = {"X-API-Key": key} if key else {}
        body = {"new": PASSWORD} if path == "/auth/password" else None
        refused = await api.request(method, path, headers=headers, json=body)
        assert refused.status_code == 401
        assert refused.json()["hint"]


async def test_me_tells_where_one_is(api: Any) -> None:
    me = (await api.get("/auth/me", "root")).json()
    assert me["username"] == "root"
    assert (me["role"], me["project_name"], me["has_password"]) == ("admin", None, False)
    settings = api.platform.settings
    assert me["server"]["ssh"] == f"localhost:{settings.ssh_port}"
    assert me["server"]["api_url"] == settings.api_url
    assert me["server"]["url"].format(app="hello") == settings.url("hello")


# Passwords -------------------------------------------------------------------------------


async def test_a_new_password_ends_the_browsers_sessions_and_the_old_password(api: Any) -> None:
    await account(api)
    _, cookie = await accounts.open_session(
        api.platform, "ada", PASSWORD, address="127.0.0.1", agent="firefox"
    )
    assert await api_keys.authenticate(api.platform, cookie, of_browser=True)
    change = {"current": PASSWORD, "new": "another few words"}
    assert (await api.post("/auth/password", "ada", json=change)).status_code == 204
    assert await api_keys.authenticate(api.platform, cookie, of_browser=True) is None
    assert (await login(api)).status_code == 401
    assert (await login(api, password="another few words")).status_code == 200
    assert (await api.get("/auth/me", "ada")).status_code == 200, "keys go on"


async def test_the_current_password_is_asked_for(api: Any) -> None:
    await account(api)
    for current in (None, "", "wrong password"):
        change = {"current": current, "new": "another few words"}
        refused = await api.post("/auth/password", "ada", json=change)
        assert refused.status_code == 403
        assert refused.json()["detail"] == "the current password is wrong"
    assert (await login(api)).status_code == 200


async def test_who_has_no_password_may_set_one_with_a_key_of_full_scope_alone(api: Any) -> None:
    ada = await api.person("ada")
    for scope in (Scope.READ, Scope.DEPLOY):
        key = await api.key(ada, scope)
        refused = await api.post(
            "/auth/password", json={"new": PASSWORD}, headers={"X-API-Key": key}
        )
        assert refused.status_code == 403
    only = await api.key(ada, Scope.ADMIN, await api.app("hello", ada))
    refused = await api.post("/auth/password", json={"new": PASSWORD}, headers={"X-API-Key": only})
    assert refused.status_code == 403
    assert (await api.post("/auth/password", "ada", json={"new": "ada"})).status_code == 422
    assert (await api.post("/auth/password", "ada", json={"new": PASSWORD})).status_code == 204
    assert (await api.get("/auth/me", "ada")).json()["has_password"] is True
    assert (await login(api)).status_code == 200


async def test_a_browsers_session_ends_where_it_is_closed(api: Any) -> None:
    ada = await api.person("ada")
    cookie = await accounts.start_session(api.platform, ada, agent="firefox")
    other = await accounts.start_session(api.platform, ada, agent="firefox")
    await accounts.close_session(api.platform, cookie)
    await accounts.close_session(api.platform, cookie)
    await accounts.close_session(api.platform, api.keys["ada"])
    assert await api_keys.authenticate(api.platform, cookie, of_browser=True) is None
    assert await api_keys.authenticate(api.platform, other, of_browser=True)
    assert (await api.get("/auth/me", "ada")).status_code == 200, "a key is no session"


async def test_who_is_removed_has_no_way_in_and_comes_back_without_one(api: Any) -> None:
    key = await account(api)
    root = await row_of(api, "root")
    _, cookie = await accounts.open_session(
        api.platform, "ada", PASSWORD, address="127.0.0.1", agent="firefox"
    )
    await api.post("/invitations", "root", json={"username": "ada"})
    caller = await api_keys.authenticate(api.platform, api.keys["root"])
    assert caller is not None
    assert caller.id == root.id
    await people.remove_user(api.platform, caller, "ada")
    await people.add_user(api.platform, caller, "ada")
    assert (await login(api)).status_code == 401
    assert (await api.get("/auth/me", headers={"X-API-Key": key})).status_code == 401
    assert await api_keys.authenticate(api.platform, cookie, of_browser=True) is None
    row = await row_of(api, "ada")
    assert (row.password, row.api_key) == (None, None)
    assert (await api.get("/invitations", "root")).json() == []


async def test_a_password_is_enough_for_the_last_admin(api: Any) -> None:
    root = await row_of(api, "root")
    async with api.platform.database.begin() as session:
        await users.create(session, "boss", users.ADMIN)  # without any way in
    caller = await api_keys.authenticate(api.platform, api.keys["root"])
    assert caller is not None
    with pytest.raises(people.ConflictError):
        await people.set_role(api.platform, caller, "root", users.MEMBER)
    async with api.platform.database.begin() as session:
        boss = await users.by_name(session, "boss")
        assert boss is not None
        await users.set_password(session, boss.id, "$argon2id$")
    await people.set_role(api.platform, caller, "root", users.MEMBER)
    assert (await row_of(api, "root")).id == root.id


# What is left behind ----------------------------------------------------------------------


async def test_the_audit_log_tells_of_it_without_a_secret(api: Any) -> None:
    key = await account(api)
    await login(api, "ada", "wrong password")
    await login(api, "hunter2", "wrong password")
    told = (await login(api)).json()
    await api.post("/auth/refresh", headers={"X-API-Key": told["api_key"]})
    await api.post("/auth/password", "ada", json={"current": PASSWORD, "new": "x" * 8})
    await api.post("/auth/logout", "ada")
    found = await events(api)
    wrong = "wrong user name or password"
    assert found == [
        ("root", "users:invite", "ada", "ok"),
        ("-", "auth:register", "ada (member) from 127.0.0.1", "ok"),
        ("ada", "auth:login", "from 127.0.0.1", wrong),
        ("-", "auth:login", "from 127.0.0.1", wrong),
        ("ada", "auth:login", "from 127.0.0.1", "ok"),
        ("ada", "auth:refresh", "", "ok"),
        ("ada", "auth:password", "from 127.0.0.1", "ok"),
        ("ada", "auth:logout", "", "ok"),
    ]
    shown = str(found)
    assert not any(secret in shown for secret in (PASSWORD, key, told["api_key"], "hunter2"))


async def test_the_real_hash_takes_what_the_library_says(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    await account(api)
    row = await row_of(api, "ada")
    assert row.password is not None
    assert "m=65536,t=3,p=4" in row.password
    assert (await login(api)).status_code == 200


async def test_too_many_at_once_are_told_to_come_back(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 0)
    refused: httpx.Response = await login(api)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "5"
