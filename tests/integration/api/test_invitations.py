"""Invitations: good once, for 7 days, for whom they name."""

import asyncio
import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from deployzero.errors import ForbiddenError
from deployzero.models.access import Scope
from deployzero.operations import accounts, api_keys, invitations, people
from deployzero.store.tables import InvitationRow

PASSWORD = "a few words are easy"


async def invite(api: Any, by: str = "root", **what: str) -> dict[str, Any]:
    answer = await api.post("/invitations", by, json=what)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def register(api: Any, name: str, invitation: str, password: str = PASSWORD) -> Any:
    body = {"username": name, "password": password, "invitation": invitation}
    return await api.post("/auth/register", json=body)


async def test_an_invitation_makes_one_account(api: Any) -> None:
    made = await invite(api, username="ada")
    settings = api.platform.settings
    assert made["url"] == f"{settings.api_url}/register?invitation={made['invitation']}"
    assert (made["username"], made["role"], made["by"]) == ("ada", "member", "root")
    lives = dt.datetime.fromisoformat(made["expires_at"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=6) < lives <= dt.timedelta(days=7)
    assert (await register(api, "bob", made["invitation"])).status_code == 403
    answer = await register(api, "ada", made["invitation"])
    assert (answer.status_code, answer.json()["role"]) == (201, "member")
    again = await register(api, "ada", made["invitation"])
    assert again.status_code == 403
    assert "ask for another" in again.json()["hint"]
    async with api.platform.database.read() as session:
        stored = (await session.scalars(sa.select(InvitationRow.sha256))).all()
    assert stored == [api_keys.digest(made["invitation"])]


async def test_of_two_who_use_it_at_once_one_has_the_account(api: Any) -> None:
    made = await invite(api, role="member")
    assert made["username"] is None
    answers = await asyncio.gather(
        register(api, "ada", made["invitation"]), register(api, "bob", made["invitation"])
    )
    assert sorted(answer.status_code for answer in answers) == [201, 403]


async def test_an_invitation_has_a_role(api: Any) -> None:
    made = await invite(api, username="ada", role="admin")
    found = await invitations.look(api.platform, made["invitation"])
    assert (found.name, found.role) == ("ada", "admin"), "for the page that takes it"
    assert (await register(api, "ada", made["invitation"])).json()["role"] == "admin"
    with pytest.raises(ForbiddenError):
        await invitations.look(api.platform, "x" * 500)


async def test_an_invitation_for_who_is_there_sets_their_password(api: Any) -> None:
    ada = await api.person("ada")
    await api.app("hello", ada)
    cookie = await accounts.start_session(api.platform, ada, agent="firefox")
    made = await invite(api, username="ada")
    assert (await register(api, "bob", made["invitation"])).status_code == 403
    answer = await register(api, "ada", made["invitation"])
    assert answer.status_code == 201
    login = await api.post("/auth/login", json={"username": "ada", "password": PASSWORD})
    assert login.status_code == 200
    listed = await api.get("/projects", "ada")
    assert [each["project_name"] for each in listed.json()] == ["hello"], "keys and apps stay"
    assert await api_keys.authenticate(api.platform, cookie, of_browser=True) is None
    assert (await api.get("/auth/me", "ada")).json()["id"] == ada.id


async def test_everybody_may_set_a_password_of_their_own(api: Any) -> None:
    await api.person("ada")
    first = await invite(api, "ada")
    made = await invite(api, "ada")
    assert (made["username"], made["role"]) == ("ada", "member")
    assert (await register(api, "ada", first["invitation"])).status_code == 403, "one at a time"
    assert (await register(api, "ada", made["invitation"])).status_code == 201


async def test_members_invite_nobody_else(api: Any) -> None:
    await api.person("ada")
    for what in ({"username": "bob"}, {"role": "member"}, {"username": "root"}):
        assert (await api.post("/invitations", "ada", json=what)).status_code == 403


async def test_a_lesser_key_makes_sees_and_ends_none(api: Any) -> None:
    boss = await api.person("boss", "admin")
    app = await api.app("hello", boss)
    made = await invite(api, username="eve")
    for scope, only in ((Scope.READ, None), (Scope.DEPLOY, None), (Scope.ADMIN, app)):
        headers = {"X-API-Key": await api.key(boss, scope, only)}
        for body in ({}, {"username": "eve"}, {"username": "boss"}):
            assert (await api.post("/invitations", json=body, headers=headers)).status_code == 403
        assert (await api.get("/invitations", headers=headers)).status_code == 403
        gone = await api.request("DELETE", f"/invitations/{made['id']}", headers=headers)
        assert gone.status_code == 403


BAD: list[dict[str, Any]] = [
    {"username": "Bad Name"},
    {"username": ""},
    {"username": "a\0"},
    {"username": "ada", "role": "owner"},
    {"username": "root", "role": "member"},
    {"username": 7},
]


async def test_what_is_no_invitation_is_refused(api: Any) -> None:
    for what in BAD:
        refused = await api.post("/invitations", "root", json=what)
        assert refused.status_code == 422
        assert refused.json()["hint"]
    for method, path in (
        ("GET", "/invitations"),
        ("POST", "/invitations"),
        ("DELETE", "/invitations/1"),
    ):
        for headers in ({}, {"X-API-Key": "dz_wrong"}):
            body = {} if method == "POST" else None
            refused = await api.request(method, path, headers=headers, json=body)
            assert refused.status_code == 401


async def test_they_are_listed_page_by_page_and_removed(api: Any) -> None:
    await api.person("ada")
    own = await invite(api, "ada")
    one, two = await invite(api, username="one"), await invite(api, username="two")
    page = await api.get("/invitations", "root", params={"limit": 2})
    assert [each["id"] for each in page.json()] == [own["id"], one["id"]]
    assert "invitation" not in page.json()[0]
    rest = await api.get(page.links["next"]["url"], "root")
    assert [each["username"] for each in rest.json()] == ["two"]
    assert [each["id"] for each in (await api.get("/invitations", "ada")).json()] == [own["id"]]
    assert (await api.request("DELETE", f"/invitations/{two['id']}", "ada")).status_code == 404
    for status in (204, 404):
        gone = await api.request("DELETE", f"/invitations/{two['id']}", "root")
        assert gone.status_code == status
    assert (await register(api, "two", two["invitation"])).status_code == 403
    assert (await api.request("DELETE", "/invitations/99999999999", "root")).status_code == 422


async def test_it_expires(api: Any) -> None:
    made = await invite(api, username="ada")
    async with api.platform.database.begin() as session:
        expired = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
        await session.execute(sa.update(InvitationRow).values(expires_at=expired))
    assert (await register(api, "ada", made["invitation"])).status_code == 403
    assert (await api.get("/invitations", "root")).json() == []
    await invite(api, username="bob")
    async with api.platform.database.read() as session:
        names = (await session.scalars(sa.select(InvitationRow.name))).all()
    assert names == ["bob"], "what has ended goes"


async def test_it_ends_with_who_made_it(api: Any) -> None:
    root = await api_keys.authenticate(api.platform, api.keys["root"])
    assert root is not None
    for name in ("one", "two"):
        await api.person(name, "admin")
    made = [await invite(api, "one", username="ada"), await invite(api, "two", username="bob")]
    await people.set_role(api.platform, root, "one", "member")
    await people.remove_user(api.platform, root, "two")
    await people.add_user(api.platform, root, "two", "admin")  # another of that name
    assert (await register(api, "ada", made[0]["invitation"])).status_code == 403
    assert (await register(api, "bob", made[1]["invitation"])).status_code == 403


async def test_who_was_removed_comes_back_by_invitation_as_who_they_were(api: Any) -> None:
    ada = await api.person("ada")
    root = await api_keys.authenticate(api.platform, api.keys["root"])
    assert root is not None
    await people.remove_user(api.platform, root, "ada")
    for_anyone = await invite(api, role="member")
    assert (await register(api, "ada", for_anyone["invitation"])).status_code == 409
    made = await invite(api, username="ada")
    answer = await register(api, "ada", made["invitation"])
    api.keys["ada"] = answer.json()["api_key"]
    assert (await api.get("/auth/me", "ada")).json()["id"] == ada.id


async def test_a_taken_name_does_not_use_the_invitation_up(api: Any) -> None:
    await api.person("ada")
    made = await invite(api, role="member")
    assert (await register(api, "ada", made["invitation"])).status_code == 409
    assert (await register(api, "bob", made["invitation"])).status_code == 201


async def test_so_many_are_open_and_no_more(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST", 1)
    await invite(api, username="one")
    refused = await api.post("/invitations", "root", json={"username": "two"})
    assert refused.status_code == 409
