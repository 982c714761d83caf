"""Lists go page by page, by the Link header."""

from typing import Any


async def test_the_link_leads_through_all_pages(api: Any) -> None:
    ana = await api.person("ana")
    for name in ("one", "three", "two"):
        await api.app(name, ana)
    answer = await api.get("/projects", "ana", params={"limit": 2})
    assert [each["project_name"] for each in answer.json()] == ["one", "three"]
    rest = await api.get(answer.links["next"]["url"], "ana")
    assert [each["project_name"] for each in rest.json()] == ["two"]
    assert "next" not in rest.links


async def test_a_cursor_that_is_none_of_ours_is_refused_with_a_hint(api: Any) -> None:
    answer = await api.get("/projects", "root", params={"cursor": "%%%"})
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["hint"] == "Take it from the header Link, as it is."


async def test_without_a_key_nothing_is_told(api: Any) -> None:
    for key in ("", "dz_wrong", "é"):
        answer = await api.get("/projects", headers={"X-API-Key": key.encode()})
        assert answer.status_code == 401
        assert answer.json()["hint"]
