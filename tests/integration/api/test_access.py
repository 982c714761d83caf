"""/projects/{project}/access, and giving an app away."""

from typing import Any


async def test_an_app_is_shared_and_given_away(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    await api.person("bob")
    path = "/projects/hello/access"
    assert (await api.get("/projects/hello", "bob")).status_code == 404
    shared = await api.request("PUT", f"{path}/bob", "ana", json={"role": "viewer"})
    assert shared.json() == {"username": "bob", "role": "viewer"}
    assert (await api.get("/projects/hello", "bob")).status_code == 200
    await api.request("PUT", f"{path}/bob", "ana", json={"role": "owner"})
    assert (await api.get(path, "bob")).json() == [
        {"username": "ana", "role": "owner"}, {"username": "bob", "role": "owner"}
    ]  # fmt: skip
    assert (await api.request("DELETE", f"{path}/bob", "ana")).status_code == 204
    assert (await api.request("DELETE", f"{path}/bob", "ana")).status_code == 404
    given = await api.post("/projects/hello/transfer", "ana", json={"username": "bob"})
    assert given.status_code == 204
    assert (await api.get(path, "bob")).json() == [
        {"username": "bob", "role": "owner"}, {"username": "ana", "role": "deployer"}
    ]  # fmt: skip


async def test_what_cannot_be_is_refused_with_a_hint(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    path = "/projects/hello/access"
    for name, role, status in (
        ("ana", "viewer", 409), ("nobody", "viewer", 404), ("ana", "admin", 422),
        ("a%00b", "viewer", 422), ("a" * 33, "viewer", 422), ("ana", 2, 422),
    ):  # fmt: skip
        refused = await api.request("PUT", f"{path}/{name}", "ana", json={"role": role})
        assert refused.status_code == status, name
        assert refused.json()["hint"]
    for name, status in {"ana": 409, "nobody": 404, "": 422}.items():
        refused = await api.post("/projects/hello/transfer", "ana", json={"username": name})
        assert refused.status_code == status
