"""A computer signs in by a code that a person approves (RFC 8628)."""

import asyncio
import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from limits import RateLimitItemPerMinute

from deployzero.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    TooManyRequestsError,
)
from deployzero.models.access import Scope
from deployzero.models.deployment import User
from deployzero.operations import api_keys, cli_logins, people
from deployzero.store import users
from deployzero.store.tables import APIKeyRow, CLILoginRow, EventRow

Started = dict[str, Any]


async def started(api: Any, computer: str = "laptop") -> Started:
    answer = await api.post("/auth/cli-logins", json={"computer": computer})
    assert answer.status_code == 201, answer.text
    found: Started = answer.json()
    return found


async def poll(api: Any, login: Started) -> Any:
    body = {"device_code": login["device_code"]}
    return await api.post("/auth/cli-logins/poll", json=body)


async def browser(api: Any, name: str = "ana") -> User:
    """Somebody at a page: full scope."""
    await api.person(name)
    user = await api_keys.authenticate(api.platform, api.keys[name])
    assert user is not None
    return user


async def keys_of(api: Any, name: str) -> list[APIKeyRow]:
    async with api.platform.database.read() as session:
        user = await users.by_name(session, name)
        query = sa.select(APIKeyRow).where(APIKeyRow.user_id == user.id, APIKeyRow.name != "test")
        return list(await session.scalars(query))


async def expire(api: Any, ago: dt.timedelta = dt.timedelta(0)) -> None:
    async with api.platform.database.begin() as session:
        await session.execute(
            sa.update(CLILoginRow).values(expires_at=dt.datetime.now(dt.UTC) - ago)
        )


async def test_an_approved_computer_gets_its_key(api: Any) -> None:
    ana = await browser(api)
    login = await started(api)
    assert login["verification_url_complete"] == (
        f"{login['verification_url']}?code={login['user_code']}"
    )
    assert login["verification_url"] == f"{api.platform.settings.api_url}/auth/cli-login"
    assert (login["expires_in"], login["interval"]) == (600, 2)
    assert (await poll(api, login)).json() == {"status": "pending", "credentials": None}
    found = await cli_logins.find(api.platform, ana, login["user_code"])
    assert (found.computer, found.address) == ("laptop", "127.0.0.1")
    await cli_logins.decide(api.platform, ana, login["user_code"], approve=True)
    done = (await poll(api, login)).json()
    given = done["credentials"]
    assert (done["status"], given["username"], given["role"]) == ("approved", "ana", "member")
    assert (given["key"]["name"], given["key"]["scope"]) == ("laptop", "admin")
    lives = dt.datetime.fromisoformat(given["key"]["expires_at"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=364) < lives < dt.timedelta(days=366)
    asked = await api.get("/auth/keys", headers={"X-API-Key": given["api_key"]})
    assert asked.status_code == 200
    async with api.platform.database.read() as session:
        rows = [(e.user, e.action, e.detail) for e in await session.scalars(sa.select(EventRow))]
    assert rows == [("ana", "cli-logins:approve", "laptop at 127.0.0.1")]


async def test_polls_at_once_make_one_key(api: Any) -> None:
    ana = await browser(api)
    login = await started(api)
    await cli_logins.decide(api.platform, ana, login["user_code"], approve=True)
    answers = await asyncio.gather(*(poll(api, login) for _ in range(8)))
    given = [each.json()["credentials"]["api_key"] for each in answers]
    held = [await api_keys.authenticate(api.platform, key) for key in given]
    assert sum(user is not None for user in held) == 1
    assert len(await keys_of(api, "ana")) == 1


async def test_a_key_whose_answer_was_lost_is_given_anew(api: Any) -> None:
    ana = await browser(api)
    login = await started(api)
    await cli_logins.decide(api.platform, ana, login["user_code"], approve=True)
    lost, given = [(await poll(api, login)).json()["credentials"] for _ in range(2)]
    asked = [
        (await api.get("/auth/me", headers={"X-API-Key": each["api_key"]})).status_code
        for each in (lost, given)
    ]
    assert asked == [401, 200]
    assert [key.id for key in await keys_of(api, "ana")] == [given["key"]["id"]]
    with pytest.raises(ConflictError, match="was approved already"):
        await cli_logins.find(api.platform, ana, login["user_code"])
    await expire(api)
    assert (await poll(api, login)).json() == {"status": "expired", "credentials": None}


async def test_a_key_that_was_taken_away_comes_not_back(api: Any) -> None:
    ana = await browser(api)
    login = await started(api)
    await cli_logins.decide(api.platform, ana, login["user_code"], approve=True)
    given = (await poll(api, login)).json()["credentials"]
    await api_keys.remove(api.platform, ana, given["key"]["id"])
    again = await poll(api, login)
    assert (again.status_code, again.json()["hint"]) == (404, "Start again: deployzero login")
    assert await keys_of(api, "ana") == []


async def test_a_refused_computer_gets_none(api: Any) -> None:
    ana = await browser(api)
    login = await started(api)
    await cli_logins.decide(api.platform, ana, login["user_code"], approve=False)
    assert (await poll(api, login)).json() == {"status": "refused", "credentials": None}
    assert await keys_of(api, "ana") == []


async def test_it_is_decided_once(api: Any) -> None:
    ana, bob = await browser(api), await browser(api, "bob")
    login = await started(api)
    await cli_logins.decide(api.platform, ana, login["user_code"], approve=False)
    for user in (ana, bob):
        with pytest.raises(ConflictError, match="was refused already"):
            await cli_logins.decide(api.platform, user, login["user_code"], approve=True)
    assert (await poll(api, login)).json()["status"] == "refused"


async def test_an_expired_code_is_told_as_such_and_then_forgotten(api: Any) -> None:
    ana = await browser(api)
    login = await started(api)
    await cli_logins.decide(api.platform, ana, login["user_code"], approve=True)
    await expire(api)
    assert (await poll(api, login)).json() == {"status": "expired", "credentials": None}
    with pytest.raises(NotFoundError, match="no computer waits"):
        await cli_logins.decide(api.platform, ana, login["user_code"], approve=True)
    await expire(api, cli_logins.KEPT)
    await started(api)
    assert (await poll(api, login)).status_code == 404
    assert await keys_of(api, "ana") == []


async def test_the_code_is_taken_as_people_type_it(api: Any) -> None:
    ana = await browser(api)
    login = await started(api)
    code = login["user_code"]
    assert set(code) <= set(cli_logins.LETTERS) | {"-"}
    assert (len(code), code[4]) == (9, "-")
    for typed in (code.lower(), code.replace("-", ""), f" {code.replace('-', ' ')}\n"):
        assert (await cli_logins.find(api.platform, ana, typed)).user_code == code
    for wrong in ("", "-", code[:-1], "x" * 10_000, "%", "\0"):
        with pytest.raises(NotFoundError):
            await cli_logins.find(api.platform, ana, wrong)


async def test_only_full_scope_decides(api: Any) -> None:
    ana = await api.person("ana")
    app = await api.app("hello", ana)
    login = await started(api)
    for key in (
        await api.key(ana, Scope.READ),
        await api.key(ana, Scope.DEPLOY),
        await api.key(ana, Scope.ADMIN, app),
    ):
        user = await api_keys.authenticate(api.platform, key)
        with pytest.raises(ForbiddenError):
            await cli_logins.decide(api.platform, user, login["user_code"], approve=True)
    assert (await poll(api, login)).json()["status"] == "pending"


async def test_wrong_codes_are_counted(api: Any) -> None:
    ana, bob = await browser(api), await browser(api, "bob")
    login = await started(api)
    for _ in range(30):
        with pytest.raises(NotFoundError):
            await cli_logins.find(api.platform, ana, "BCDF-GHJK")
    with pytest.raises(TooManyRequestsError, match="too many wrong codes") as refused:
        await cli_logins.decide(api.platform, ana, login["user_code"], approve=True)
    assert "password" not in refused.value.hint, "she has signed in"
    await cli_logins.decide(api.platform, bob, login["user_code"], approve=True)


async def test_whoever_was_removed_meanwhile_gives_no_key(api: Any) -> None:
    ana = await browser(api)
    login = await started(api)
    await cli_logins.decide(api.platform, ana, login["user_code"], approve=True)
    root = await api_keys.authenticate(api.platform, api.keys["root"])
    await people.remove_user(api.platform, root, "ana")
    assert (await poll(api, login)).status_code == 404
    async with api.platform.database.read() as session:
        assert (
            await session.scalar(sa.select(APIKeyRow.id).where(APIKeyRow.name == "laptop")) is None
        )


async def test_an_address_starts_only_so_many(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_logins, "STARTS", RateLimitItemPerMinute(2, 10))
    for _ in range(2):
        await started(api)
    refused = await api.post("/auth/cli-logins", json={"computer": "x"})
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (429, True)
    # The /56 of IPv6 is one customer.
    for network in ("1", "2"):
        await cli_logins.start(api.platform, "x", f"2001:db8:0:{network}::1")
    with pytest.raises(TooManyRequestsError):
        await cli_logins.start(api.platform, "x", "2001:db8:0:3::1")
    await cli_logins.start(api.platform, "x", "2001:db8:0:100::1")


async def test_nobody_is_kept_out_by_those_that_wait(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_logins, "MOST", 3)
    logins = [await cli_logins.start(api.platform, "x", f"10.0.0.{n}") for n in range(5)]
    with pytest.raises(NotFoundError):  # the oldest have gone
        await cli_logins.poll(api.platform, logins[1].device_code)
    for login in logins[2:]:
        told = await cli_logins.poll(api.platform, login.device_code)
        assert told.status is cli_logins.Status.PENDING


async def test_a_computer_that_polls_without_a_pause_is_slowed(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli_logins.POLLS.amount >= 2 * 60 / cli_logins.INTERVAL
    monkeypatch.setattr(cli_logins, "POLLS", RateLimitItemPerMinute(3))
    login, other = await started(api), await started(api)
    codes = [(await poll(api, login)).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    assert (await poll(api, other)).status_code == 200


async def test_the_computers_name_is_printable_and_short(api: Any) -> None:
    ana = await browser(api)
    for computer, shown in (
        ("\x1b[31mred\x1b[0m\n", "red"),
        ("é" * 200, "é" * 100),
        ("\u202e", "a computer"),
        ("", "a computer"),
    ):
        login = await started(api, computer)
        assert (await cli_logins.find(api.platform, ana, login["user_code"])).computer == shown


BAD: list[tuple[str, Any]] = [
    ("/auth/cli-logins", {"computer": "x" * 300}),
    ("/auth/cli-logins", {"computer": 1}),
    ("/auth/cli-logins", []),
    ("/auth/cli-logins/poll", {}),
    ("/auth/cli-logins/poll", {"device_code": ""}),
    ("/auth/cli-logins/poll", {"device_code": "x" * 300}),
]


async def test_what_makes_no_sense_is_refused(api: Any) -> None:
    for path, body in BAD:
        refused = await api.post(path, json=body)
        assert (refused.status_code, bool(refused.json()["hint"])) == (422, True)
    for code in ("nothing", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "é"):
        assert (await poll(api, {"device_code": code})).status_code == 404
