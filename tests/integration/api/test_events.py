"""/events: the audit log over HTTP."""

from typing import Any

from deployzero.models.access import Scope


async def test_the_newest_come_first_page_by_page(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    for names in (["a.org"], ["b.org"], ["c.org"]):
        await api.post("/projects/hello/domains", "ana", json={"names": names})
    first = await api.get("/projects/hello/events", "ana", params={"limit": 2})
    assert [each["detail"] for each in first.json()] == ["c.org", "b.org"]
    rest = await api.get(first.links["next"]["url"], "ana")
    assert [each["detail"] for each in rest.json()] == ["a.org"]
    event = rest.json()[0]
    assert (event["user"], event["action"], event["app"], event["result"]) == (
        "ana", "domains:add", "hello", "ok"
    )  # fmt: skip
    assert event["key"] == api.keys["ana"][:11]


async def test_everybody_sees_the_events_of_their_own_apps(api: Any) -> None:
    ana = await api.person("ana")
    hello = await api.app("hello", ana)
    for app, user in (("hello", "ana"), ("mine", "ana"), ("theirs", await api.person("bob"))):
        if app != "hello":
            await api.app(app, ana if user == "ana" else user)
        await api.post(f"/projects/{app}/domains", "root", json={"names": [f"{app}.org"]})
    api.keys["of hello"] = await api.key(ana, Scope.READ, hello)
    root = await api.person("root2", "admin")
    api.keys["of hello, an admin's"] = await api.key(root, Scope.ADMIN, hello)
    seen = {
        "root": {"hello", "mine", "theirs"}, "ana": {"hello", "mine"}, "bob": {"theirs"},
        "of hello": {"hello"}, "of hello, an admin's": {"hello"},
    }  # fmt: skip
    for user, expected in seen.items():
        assert {each["app"] for each in (await api.get("/events", user)).json()} == expected, user


async def test_who_tries_to_change_what_they_may_not_see_is_on_record(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    await api.person("bob")
    refused = await api.request("DELETE", "/projects/hello", "bob", params={"confirm": "hello"})
    assert refused.status_code == 404
    event = (await api.get("/projects/hello/events", "ana")).json()[0]
    assert (event["user"], event["action"]) == ("bob", "DELETE /projects/{project}")
    assert event["result"] == "there is no app hello"
