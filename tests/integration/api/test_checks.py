"""/projects/{project}/checks."""

from collections.abc import Awaitable, Callable
from typing import Any

Deployed = Callable[..., Awaitable[Any]]


async def test_checks_are_set_reset_disabled_and_cleared(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    path = "/projects/hello/checks"
    default = (await api.get(path, "ana")).json()
    assert (default["disabled"], default["deployed"]) == (False, False)
    assert default["checks"][0]["path"] == "/"
    given = {"path": "/up", "timeout": 2.5, "attempts": 3, "content": "ok = 1", "disabled": True}
    done = (await api.request("PATCH", path, "ana", json=given)).json()
    assert done["disabled"] is True
    check = done["checks"][0]
    assert [check[name] for name in ("path", "timeout", "attempts", "content")] == [
        "/up", 2.5, 3, "ok = 1"
    ]  # fmt: skip
    assert check["sources"]["path"] == "set by hand"
    reset = await api.request("PATCH", path, "ana", json={"timeout": None, "disabled": False})
    assert (reset.json()["disabled"], reset.json()["checks"][0]["timeout"]) == (False, 5.0)
    cleared = await api.request("DELETE", path, "ana")
    assert cleared.json() == default
    for bad in (
        {"path": "up"}, {"path": "/a b"}, {"port": 0}, {"attempts": 0}, {"timeout": 0},
        {"timeout": 4000}, {"wait": -1}, {"content": "a\0"}, {"content": ""}, {"paht": "/"},
    ):  # fmt: skip
        refused = await api.request("PATCH", path, "ana", json=bad)
        assert refused.status_code == 422, bad
        assert refused.json()["hint"]


async def test_checks_are_run_against_what_is_live(api: Any, deployed: Deployed) -> None:
    project = await api.app("hello", await api.person("ana"))
    path = "/projects/hello/checks"
    assert (await api.post(f"{path}/run", "ana")).status_code == 409
    await deployed(project)
    await api.request("PATCH", path, "ana", json={"timeout": 0.1})
    ran = (await api.post(f"{path}/run", "ana")).json()
    assert [(each["process"], each["check"]) for each in ran] == [("web.1", "GET /")]
    assert ran[0]["passed"] == (ran[0]["failure"] == "")
