"""Accounts in a browser: first account, invitation, sign in and out, and where that leads."""

from typing import Any

import pytest

from deployzero.operations import accounts, api_keys, invitations
from deployzero.store import users

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "a few words are easy"


async def test_a_fresh_server_leads_to_the_first_account_and_says_what_it_is(site: Any) -> None:
    browser = await site.browser()
    assert (await browser.get("/")).headers["Location"] == "/register"
    page = await browser.get("/register")
    assert "Welcome to deployzero" in page.text
    assert "users:invite" in page.text
    typed = {"username": "ana", "password": PASSWORD, "again": PASSWORD}
    answer = await browser.send("/register", "/register", **typed)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "Nothing here yet" in (await browser.get("/")).text


async def test_from_elsewhere_a_fresh_server_only_tells_how_to_get_in(site: Any) -> None:
    browser = await site.browser()
    page = await browser.get("/register", headers={"X-Forwarded-For": "203.0.113.7"})
    assert 'name="password"' not in page.text
    assert "users:invite" in page.text


async def test_two_different_passwords_are_refused_and_the_name_stays(site: Any) -> None:
    browser = await site.browser()
    typed = {"username": "ana", "password": PASSWORD, "again": "another one"}
    answer = await browser.send("/register", "/register", **typed)
    assert answer.status_code == 422
    assert "two passwords differ" in answer.text
    assert 'value="ana"' in answer.text
    assert PASSWORD not in answer.text


async def test_an_invitation_sets_a_password_and_is_good_once(site: Any) -> None:
    async with site.platform.database.begin() as session:
        admin = await users.create(session, "root", users.ADMIN)
    link = (await invitations.invite(site.platform, admin)).token
    browser = await site.browser()
    path = f"/register?invitation={link}"
    page = await browser.get(path)
    assert "Set your password" in page.text
    assert 'value="root"' in page.text
    typed = {"username": "root", "password": PASSWORD, "again": PASSWORD}
    assert (await browser.send(path, "/register", **typed)).status_code == 303
    again = await (await site.browser()).get(path)
    assert again.status_code == 403
    assert "No such invitation" in again.text


async def test_with_accounts_registration_is_by_invitation(site: Any) -> None:
    await site.person("ana")
    browser = await site.browser()
    assert (await browser.get("/")).headers["Location"] == "/login"
    page = await browser.get("/register")
    assert page.status_code == 403
    assert "By invitation" in page.text


async def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_do_not_get(site: Any) -> None:
    await site.person("ana")
    browser = await site.browser()
    answer = await browser.sign_in("ana")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"deployzero-{site.platform.instance}=")
    for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=1209600"):
        assert part in cookie
    assert "Secure" not in cookie
    assert "Domain" not in cookie


async def test_over_https_the_cookie_is_bound_to_host_and_https(site: Any) -> None:
    await site.person("ana")
    browser = await site.browser()
    browser.http.headers["X-Forwarded-Proto"] = "https"
    page = await browser.get("/login")
    form = browser.form(page, "/login")
    guest = page.cookies[f"__Host-deployzero-{site.platform.instance}-form"]
    host = browser.http.base_url.netloc.decode()
    answer = await browser.http.post(
        "/login",
        data={**form, "username": "ana", "password": PASSWORD},
        headers={
            "Origin": f"https://{host}",
            "Cookie": f"__Host-deployzero-{site.platform.instance}-form={guest}",
        },
    )
    assert answer.status_code == 303
    assert answer.headers["Set-Cookie"].startswith("__Host-deployzero-")
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("name", ["ana", "nobody", "x' OR 1=1", ""])
async def test_a_wrong_password_and_no_such_user_are_answered_alike(site: Any, name: str) -> None:
    await site.person("ana")
    browser = await site.browser()
    answer = await browser.sign_in(name, "wrong password")
    assert answer.status_code == 401
    assert "Wrong user name or password" in answer.text
    assert "wrong password" not in answer.text.lower().replace("wrong user name or password", "")
    assert (await browser.get("/")).headers["Location"] == "/login"


async def test_too_many_wrong_passwords_get_a_page_that_says_to_wait(site: Any) -> None:
    await site.person("ana")
    browser = await site.browser()
    statuses = [(await browser.sign_in("ana", "wrong")).status_code for _ in range(11)]
    assert statuses[:10] == [401] * 10
    assert statuses[10] == 429


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)",
     "/\t/evil.example", "evil", "/\u2215evil"],
)  # fmt: skip
async def test_after_signing_in_only_own_pages_come_next(site: Any, target: str) -> None:
    await site.person("ana")
    browser = await site.browser()
    page = await browser.get("/login", params={"next": target})
    assert browser.form(page, "/login")["next"] == "/"
    answer = await browser.sign_in("ana", next=target)
    assert answer.headers["Location"] == "/"


async def test_who_must_sign_in_first_comes_back_to_where_they_were(site: Any) -> None:
    await site.person("ana")
    browser = await site.browser()
    answer = await browser.get("/auth/cli-login?code=BCDF-GHJK")
    assert answer.status_code == 303
    login = answer.headers["Location"]
    after = browser.form(await browser.get(login), "/login")["next"]
    assert after == "/auth/cli-login?code=BCDF-GHJK"
    answer = await browser.sign_in("ana", next=after)
    assert answer.headers["Location"] == after


async def test_signing_out_ends_the_session_itself(site: Any) -> None:
    browser = await site.signed_in("ana")
    cookie = browser.http.cookies[f"deployzero-{site.platform.instance}"]
    answer = await browser.send("/", "/logout")
    assert answer.headers["Location"] == "/login"
    browser.http.cookies.clear()
    browser.http.cookies.set(f"deployzero-{site.platform.instance}", cookie)
    assert (await browser.get("/")).status_code == 303
    assert await api_keys.authenticate(site.platform, cookie, of_browser=True) is None


async def test_a_new_password_ends_all_sessions(site: Any) -> None:
    browser = await site.signed_in("ana")
    async with site.platform.database.read() as session:
        user = await users.by_name(session, "ana")
    await accounts.change_password(
        site.platform, user, PASSWORD, "quite another one", address="127.0.0.1"
    )
    assert (await browser.get("/")).headers["Location"] == "/login"


async def test_an_api_key_is_no_session(site: Any) -> None:
    user = await site.person("ana")
    async with site.platform.database.begin() as session:
        _, key = await api_keys.issue(session, user, "test")
    browser = await site.browser()
    browser.http.cookies.set(f"deployzero-{site.platform.instance}", key)
    assert (await browser.get("/")).status_code == 303
    browser.http.cookies.clear()
    assert (await browser.get("/", headers={"X-API-Key": key})).status_code == 303


async def test_the_session_is_no_api_key(site: Any) -> None:
    browser = await site.signed_in("ana")
    cookie = browser.http.cookies[f"deployzero-{site.platform.instance}"]
    assert (await browser.get("/projects")).status_code == 401
    assert (await browser.get("/projects", headers={"X-API-Key": cookie})).status_code == 401


@pytest.mark.parametrize(("address", "warned"), [("203.0.113.7", True), ("127.0.0.1", False)])
async def test_plain_http_from_elsewhere_is_warned_of(
    site: Any, address: str, warned: bool
) -> None:
    browser = await site.browser()
    page = await browser.get("/login", headers={"X-Forwarded-For": address})
    assert ("DEPLOYZERO_TLS_CERT" in page.text) is warned
    safe = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https"}
    assert "DEPLOYZERO_TLS_CERT" not in (await browser.get("/login", headers=safe)).text
