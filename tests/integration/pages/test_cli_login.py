"""A computer is approved, or refused, in the browser."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import update

from deployzero.operations import cli_logins
from deployzero.operations.cli_logins import Status
from deployzero.store.tables import CLILoginRow

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/auth/cli-login"


@pytest.mark.parametrize(
    ("decision", "status"), [("approve", Status.APPROVED), ("refuse", Status.REFUSED)]
)
async def test_a_computer_is_approved_or_refused_once(
    site: Any, decision: str, status: Status
) -> None:
    ana = await site.signed_in("ana")
    started = await cli_logins.start(site.platform, "<b>laptop</b>", "203.0.113.7")
    page = f"{PATH}?code={started.user_code}"
    shown = (await ana.get(page)).text
    for part in (started.user_code, "&lt;b&gt;laptop&lt;/b&gt;", "203.0.113.7"):
        assert part in shown
    answer = await ana.send(page, PATH, decision=decision)
    assert answer.status_code == 200
    polled = await cli_logins.poll(site.platform, started.device_code)
    assert polled.status is status
    assert (polled.credentials.user.name if polled.credentials else None) == (
        "ana" if decision == "approve" else None
    )
    assert (await ana.get(page)).status_code in (404, 409)


async def test_anything_but_approve_is_a_refusal(site: Any) -> None:
    ana = await site.signed_in("ana")
    started = await cli_logins.start(site.platform, "laptop", "203.0.113.7")
    await ana.send(f"{PATH}?code={started.user_code}", PATH)
    polled = await cli_logins.poll(site.platform, started.device_code)
    assert polled.status is Status.REFUSED


async def test_the_code_can_be_typed_as_people_type(site: Any) -> None:
    ana = await site.signed_in("ana")
    started = await cli_logins.start(site.platform, "laptop", "203.0.113.7")
    assert 'name="code"' in (await ana.get(PATH)).text
    typed = started.user_code.replace("-", " ").lower()
    assert started.user_code in (await ana.get(PATH, params={"code": typed})).text


async def test_a_wrong_or_expired_code_says_what_to_do(site: Any) -> None:
    ana = await site.signed_in("ana")
    started = await cli_logins.start(site.platform, "laptop", "203.0.113.7")
    page = f"{PATH}?code={started.user_code}"
    form = ana.form(await ana.get(page), PATH)
    async with site.platform.database.begin() as session:
        past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
        await session.execute(update(CLILoginRow).values(expires_at=past))
    for answer in (
        await ana.get(page),
        await ana.get(f"{PATH}?code=BCDF-GHJK"),
        await ana.post(PATH, {**form, "decision": "approve"}),
    ):
        assert answer.status_code == 404
        assert "No computer waits with this code" in answer.text
        assert "deployzero login" in answer.text
    polled = await cli_logins.poll(site.platform, started.device_code)
    assert polled.status is Status.EXPIRED


async def test_nobody_approves_without_signing_in(site: Any) -> None:
    started = await cli_logins.start(site.platform, "laptop", "203.0.113.7")
    guest = await site.browser()
    login = guest.form(await guest.get("/login"), "/login")
    sent = {**login, "code": started.user_code, "decision": "approve"}
    assert (await guest.post(PATH, sent)).status_code == 401
    polled = await cli_logins.poll(site.platform, started.device_code)
    assert polled.status is Status.PENDING
