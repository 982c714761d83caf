"""Users over HTTP: for admins, with keys of full scope."""

from typing import Any

from deployzero.models.access import Scope
from deployzero.operations import api_keys
from deployzero.store import users


async def test_users_are_added_listed_changed_and_removed(api: Any) -> None:
    made = await api.post("/users", "root", json={"username": "ana"})
    assert made.status_code == 201
    shown = made.json()
    assert (shown["username"], shown["role"]) == ("ana", "member")
    assert (shown["ssh_keys"], shown["projects"]) == (0, 0)
    listed = (await api.get("/users", "root")).json()
    assert [each["username"] for each in listed] == ["ana", "root"]
    changed = await api.request("PATCH", "/users/ana", "root", json={"role": "admin"})
    assert (changed.status_code, changed.json()["role"]) == (200, "admin")
    assert (await api.request("DELETE", "/users/ana", "root")).status_code == 204
    assert [u["username"] for u in (await api.get("/users", "root")).json()] == ["root"]
    assert (await api.request("DELETE", "/users/ana", "root")).status_code == 404


async def test_a_removed_users_keys_stop_at_once_and_do_not_come_back(api: Any) -> None:
    await api.person("ana")
    assert (await api.get("/projects", "ana")).status_code == 200
    assert (await api.request("DELETE", "/users/ana", "root")).status_code == 204
    assert (await api.get("/projects", "ana")).status_code == 401
    assert (await api.post("/users", "root", json={"username": "ana"})).status_code == 201
    assert (await api.get("/projects", "ana")).status_code == 401


async def test_who_owns_apps_and_the_last_admin_stay(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    refused = await api.request("DELETE", "/users/ana", "root")
    assert (refused.status_code, "ana owns hello" in refused.json()["detail"]) == (409, True)
    refused = await api.request("PATCH", "/users/root", "root", json={"role": "member"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "root is the last admin")
    assert (await api.request("DELETE", "/users/root", "root")).status_code == 409


CALLS: list[tuple[str, str, Any]] = [
    ("GET", "/users", None),
    ("POST", "/users", {"username": "new"}),
    ("PATCH", "/users/ana", {"role": "admin"}),
    ("DELETE", "/users/ana", None),
]


async def test_nobody_but_an_admin_with_full_scope(api: Any) -> None:
    await api.person("ana")
    root = await api_keys.authenticate(api.platform, api.keys["root"])
    app = await api.app("hello", root)
    scopes = ((Scope.READ, None), (Scope.DEPLOY, None), (Scope.ADMIN, app))
    small = [await api.key(root, scope, project) for scope, project in scopes]
    for method, path, body in CALLS:
        assert (await api.request(method, path, json=body)).status_code == 401
        refused = await api.request(method, path, "ana", json=body)
        assert (refused.status_code, refused.json()["hint"]) == (403, "Ask an admin.")
        for key in small:
            refused = await api.request(method, path, json=body, headers={"X-API-Key": key})
            assert refused.status_code == 403
    async with api.platform.database.read() as session:
        found = {each.name: each.role for each in await users.every(session)}
    assert found == {"ana": "member", "root": "admin"}


BAD: list[tuple[str, str, Any]] = [
    ("POST", "/users", {}),
    ("POST", "/users", {"username": "Ana"}),
    ("POST", "/users", {"username": "a\u0000"}),
    ("POST", "/users", {"username": "x" * 33}),
    ("POST", "/users", {"username": "ana", "role": "owner"}),
    ("PATCH", "/users/root", {"role": None}),
    ("PATCH", "/users/root", {"role": "admin", "name": "x"}),
    ("DELETE", "/users/%00", None),
    ("DELETE", "/users/" + "x" * 65, None),
]


async def test_what_makes_no_sense_is_refused(api: Any) -> None:
    for method, path, body in BAD:
        refused = await api.request(method, path, "root", json=body)
        assert (refused.status_code, bool(refused.json()["hint"])) == (422, True), (path, body)
    assert (await api.post("/users", "root", json={"username": "root"})).status_code == 409
