"""Repeated failures to sign in are slowed, by account and by address."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from limits import RateLimitItemPerMinute

from deployzero.deploy import sign_in
from deployzero.errors import NotFoundError, TooManyRequestsError
from deployzero.operations import passwords, throttle
from deployzero.store import users

PASSWORD = "a few words are easy"
MANY = 8


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller numbers in the same order."""
    for name, most in (("OF_ACCOUNT_AND_ADDRESS", 3), ("OF_ADDRESS", 6), ("OF_ACCOUNT", 12)):
        monkeypatch.setattr(throttle, name, RateLimitItemPerMinute(most, throttle.MINUTES))


@pytest_asyncio.fixture(loop_scope="session")
async def ada(api: Any) -> None:
    encoded = passwords.HASHER.hash(PASSWORD)
    async with api.platform.database.begin() as session:
        for name in ("ada", "bob"):
            user = await users.create(session, name)
            await users.set_password(session, user.id, encoded)


async def login(
    api: Any, name: str = "ada", password: str = "wrong password", address: str = "198.51.100.1"
) -> int:
    answer = await api.post(
        "/auth/login",
        json={"username": name, "password": password},
        headers={"X-Forwarded-For": address},
    )
    if answer.status_code == 429:
        assert 1 <= int(answer.headers["Retry-After"]) <= throttle.MINUTES * 60
        assert answer.json()["hint"]
    return int(answer.status_code)


async def test_the_numbers_are_those_that_are_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    limits = (throttle.OF_ACCOUNT_AND_ADDRESS, throttle.OF_ACCOUNT, throttle.OF_ADDRESS)
    assert [(each.amount, each.get_expiry()) for each in limits] == [
        (10, 600),
        (100, 600),
        (30, 600),
    ]


async def test_an_account_is_closed_to_an_address_thatthrottled_codes(api: Any, ada: None) -> None:
    assert [await login(api) for _ in range(4)] == [401, 401, 401, 429]
    assert await login(api, password=PASSWORD) == 429, "a guess that is right is not told"
    assert await login(api, "bob", PASSWORD) == 200
    assert await login(api, password=PASSWORD, address="198.51.100.2") == 200


async def test_many_at_once_are_no_way_around(api: Any, ada: None) -> None:
    answers = await asyncio.gather(*(login(api) for _ in range(MANY)))
    assert sorted(answers) == [401] * 3 + [429] * (MANY - 3)


async def test_who_gets_it_right_starts_anew(api: Any, ada: None) -> None:
    for _ in range(2):
        assert [await login(api) for _ in range(2)] == [401, 401]
        assert await login(api, password=PASSWORD) == 200
    assert await login(api) == 401


async def test_an_address_that_goes_through_accounts_is_slowed(api: Any, ada: None) -> None:
    answers = [await login(api, f"user{n}") for n in range(7)]
    assert answers == [401] * 6 + [429]
    assert await login(api, password=PASSWORD) == 429


async def test_an_account_is_slowed_from_everywhere(api: Any, ada: None) -> None:
    answers = [await login(api, address=f"198.51.100.{n}") for n in range(13)]
    assert answers == [401] * 12 + [429]


async def test_who_signed_in_from_somewhere_is_not_locked_out_from_elsewhere(
    api: Any, ada: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = "203.0.113.1"
    assert await login(api, password=PASSWORD, address=home) == 200
    for n in range(12):
        await login(api, address=f"198.51.100.{n}")
    assert await login(api, password=PASSWORD, address="198.51.100.99") == 429
    assert await login(api, password=PASSWORD, address=home) == 200
    assert [await login(api, address=home) for _ in range(4)] == [401, 401, 401, 429]
    monkeypatch.setattr(sign_in, "MOST_KNOWN", 2)
    for name in ("x", "y", "z"):
        api.platform.sign_in.know(name, home)
    assert list(api.platform.sign_in.known) == [("y", home), ("z", home)]


async def test_a_client_has_all_of_its_ipv6_network(api: Any, ada: None) -> None:
    answers = [await login(api, address=f"2001:db8:1:1::{n}") for n in range(4)]
    assert answers == [401] * 3 + [429]
    assert await login(api, address="2001:db8:1:2::1") == 401


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::5", "2001:db8::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("unix:" + "x" * 100, "unix:" + "x" * 59),
    ],
)
def test_what_counts_as_one_address(address: str, network: str) -> None:
    assert throttle.network_of(address) == network


async def test_wrong_invitations_are_slowed(api: Any) -> None:
    body = {"username": "eve", "password": PASSWORD, "invitation": "wrong"}
    answers = [(await api.post("/auth/register", json=body)).status_code for _ in range(7)]
    assert answers == [403] * 6 + [429]


async def test_looks_at_invitations_are_not_counted(api: Any, ada: None) -> None:
    """Any site can make a browser look."""
    looks = [(await api.get("/register?invitation=wrong")).status_code for _ in range(MANY)]
    assert looks == [403] * MANY
    assert await login(api, password=PASSWORD, address="127.0.0.1") == 200


async def test_open_registration_makes_so_many_accounts_and_no_more(api: Any) -> None:
    opened = api.platform.settings.model_copy(update={"registration": "open"})
    object.__setattr__(api.platform, "settings", opened)
    answers = [
        (
            await api.post("/auth/register", json={"username": f"u{n}", "password": PASSWORD})
        ).status_code
        for n in range(7)
    ]
    assert answers == [201] * 6 + [429]


async def test_wrong_current_passwords_are_slowed(api: Any, ada: None) -> None:
    told = await api.post("/auth/login", json={"username": "ada", "password": PASSWORD})
    headers = {"X-API-Key": told.json()["api_key"]}
    body = {"current": "wrong password", "new": "another password"}
    answers = [
        (await api.post("/auth/password", json=body, headers=headers)).status_code for _ in range(4)
    ]
    assert answers == [403] * 3 + [429]


async def test_what_is_not_a_guess_is_not_counted(api: Any) -> None:
    for _ in range(MANY):
        refused = await api.post("/auth/register", json={"username": "Bad", "password": PASSWORD})
        assert refused.status_code == 422


async def test_others_may_guard_their_codes_by_it(api: Any) -> None:
    async def guess() -> None:
        async with throttle.throttled(api.platform, address="192.0.2.1"):
            raise NotFoundError("no such code")

    for _ in range(6):
        with pytest.raises(NotFoundError):
            await guess()
    with pytest.raises(TooManyRequestsError):
        await guess()


async def test_an_attempt_that_is_cancelled_counts(api: Any) -> None:
    async def attempt(begun: asyncio.Event) -> None:
        async with throttle.throttled(api.platform, account="ada", address="192.0.2.1"):
            begun.set()
            await asyncio.Event().wait()

    for _ in range(3):
        begun = asyncio.Event()
        cancelled = asyncio.create_task(attempt(begun))
        await begun.wait()
        cancelled.cancel()
        await asyncio.wait({cancelled})
    with pytest.raises(TooManyRequestsError):
        await attempt(begun)


async def test_who_waits_too_long_for_their_turn_is_told(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "TURN_SECONDS", 0.01)
    async with throttle.throttled(api.platform, address="192.0.2.1"):
        with pytest.raises(TooManyRequestsError):
            async with throttle.throttled(api.platform, address="192.0.2.1"):
                pass
