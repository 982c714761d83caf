"""/projects/{project}/domains."""

from typing import Any


async def test_domains_are_added_replaced_and_removed(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    path = "/projects/hello/domains"
    none = (await api.get(path, "ana")).json()
    assert none == {"host": "hello.localhost", "names": [], "live": False, "server": "",
                    "added": [], "removed": []}  # fmt: skip
    added = (await api.post(path, "ana", json={"names": ["WWW.example.com", "*.a.org"]})).json()
    assert sorted(added["names"]) == ["*.a.org", "www.example.com"]
    assert (await api.get("/projects/hello", "ana")).json()["domains"] == added["names"]
    replaced = await api.request("PUT", path, "ana", json={"names": ["b.org", "*.a.org"]})
    assert replaced.json()["removed"] == ["www.example.com"]
    wildcard = await api.request("DELETE", f"{path}/*.a.org", "ana")
    assert wildcard.json()["names"] == ["b.org"]
    cleared = await api.request("PUT", path, "ana", json={"names": []})
    assert cleared.json()["names"] == []


async def test_names_that_cannot_be_are_refused_with_a_hint(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    await api.app("other", await api.person("bob"))
    assert (await api.post("/projects/other/domains", "bob", json={"names": ["b.org"]})).is_success
    path = "/projects/hello/domains"
    refused = {"b.org": 409, "a b.org": 422, "api.localhost": 422, "1.2.3.4": 422, "`": 422}
    for name, status in refused.items():
        answer = await api.post(path, "ana", json={"names": ["good.org", name]})
        assert answer.status_code == status
        assert answer.json()["hint"]
        assert "other" not in answer.json()["detail"].replace("another", "").replace("no other", "")
    for names in (["a.org"] * 101, ["a" * 1001], [""], "a.org", None):
        assert (await api.post(path, "ana", json={"names": names})).status_code == 422
    assert (await api.request("DELETE", f"{path}/b.org", "ana")).status_code == 404
    assert (await api.request("DELETE", f"{path}/hello.localhost", "ana")).status_code == 422
    assert (await api.get(path, "ana")).json()["names"] == []
