"""Forms are only taken from our own pages; every answer of a page is locked down."""

from typing import Any

import pytest

from deployzero.models.deployment import State
from deployzero.pages import reference

pytestmark = pytest.mark.asyncio(loop_scope="session")

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FORMS = ("/login", "/register", "/logout", "/auth/cli-login", "/apps/hello/rollback",
         "/apps/hello/deployments/1/cancel")  # fmt: skip


@pytest.mark.parametrize("token", [None, "", "0" * 64, "é"])
async def test_a_form_without_its_token_is_refused_and_says_to_reload(
    site: Any, token: str | None
) -> None:
    browser = await site.signed_in("ana")
    project = await site.app("hello", "ana")
    await site.deployment(project, State.BUILDING)
    for action in FORMS:
        answer = await browser.post(action, {} if token is None else {"csrf": token})
        assert answer.status_code == 403, action
        assert "reload the page" in answer.text
    assert (await browser.get("/")).status_code == 200  # still signed in


async def test_another_sessions_token_is_no_good(site: Any) -> None:
    ana, ben = await site.signed_in("ana"), await site.signed_in("ben")
    token = ana.form(await ana.get("/"), "/logout")
    assert (await ben.post("/logout", token)).status_code == 403
    assert (await ana.post("/logout", token)).status_code == 303


async def test_the_token_of_a_guest_is_no_good_once_signed_in(site: Any) -> None:
    browser = await site.browser()
    await site.person("ana")
    guest = browser.form(await browser.get("/login"), "/login")
    await browser.sign_in("ana")
    assert (await browser.post("/logout", guest)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"},
     {"Sec_Fetch_Site": "same-site"}, {"Origin": "http://127.0.0.1:1"}],
)  # fmt: skip
async def test_a_form_that_another_site_sends_is_refused(
    site: Any, headers: dict[str, str]
) -> None:
    browser = await site.signed_in("ana")
    fields = browser.form(await browser.get("/"), "/logout")
    assert (await browser.post("/logout", fields, **headers)).status_code == 403
    login = browser.form(await (await site.browser()).get("/login"), "/login")
    assert (await browser.post("/login", login, **headers)).status_code == 403


async def test_a_form_that_is_too_large_or_no_form_is_refused(site: Any) -> None:
    browser = await site.browser()
    assert (await browser.post("/login", {"username": "x" * 20_000})).status_code == 422
    for body in (b"\xff\xfe", b"&".join(b"a=1" for _ in range(100))):
        assert (await browser.http.post("/login", content=body)).status_code == 422


async def test_every_page_has_the_headers_that_lock_it_down(site: Any) -> None:
    browser = await site.signed_in("ana")
    project = await site.app("hello", "ana")
    live = await site.deployment(project)
    paths = ("/", "/login", "/register", "/apps/hello", f"/apps/hello/deployments/{live.id}",
             "/apps/nope", "/apps/hello/deployments/x", "/auth/cli-login", "/docs",
             "/apps/hello/usage", f"/apps/hello/deployments/{live.id}/log.txt")  # fmt: skip
    for path in paths:
        answer = await browser.get(path)
        assert answer.headers["Content-Security-Policy"] == POLICY, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        for inline in (" style=", "<style", " onclick", "javascript:"):
            assert inline not in answer.text, path


async def test_the_apis_errors_stay_problem_documents(site: Any) -> None:
    browser = await site.signed_in("ana")
    for path in ("/projects/nope", "/nothing/here"):
        answer = await browser.get(path, headers={"Accept": "text/html"})
        assert answer.headers["Content-Type"] == "application/problem+json"
    page = await browser.get("/apps/nope", headers={"Accept": "application/json"})
    assert page.headers["Content-Type"].startswith("text/html")


async def test_a_mistake_of_ours_is_a_page_that_tells_no_more(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await site.signed_in("ana")

    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("deployzero.operations.apps.list_apps", broken)
    answer = await browser.get("/")
    assert answer.status_code == 500
    assert "deployzero has made a mistake" in answer.text
    assert "secret detail" not in answer.text


async def test_assets_are_kept_by_their_contents(site: Any) -> None:
    browser = await site.browser()
    page = (await browser.get("/login")).text
    url = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = await browser.get(url)
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    assert len(answer.content) < 12_000
    plain = await browser.get("/assets/style.css")
    assert plain.headers["Cache-Control"] == "no-cache"
    tag = {"If-None-Match": plain.headers["ETag"]}
    assert (await browser.get("/assets/style.css", headers=tag)).status_code == 304
    for name in ("../visit.py", "%2e%2e%2fvisit.py", "other.css"):
        assert (await browser.get(f"/assets/{name}")).status_code == 404


async def test_the_reference_shows_every_route_and_loads_nothing_from_elsewhere(site: Any) -> None:
    browser = await site.browser()
    page = await browser.get("/docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "_reference", None)  # it is made once
        again = await browser.get("/docs")
    assert again.text.partition("<main")[2] == page.text.partition("<main")[2]
    document = (await browser.get("/openapi.json")).json()
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page.text
    assert "//cdn" not in page.text
    assert "<script>" not in page.text
