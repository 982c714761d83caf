"""/projects/{project}/config and /config."""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

Deployed = Callable[..., Awaitable[Any]]
SECRET = "s3cr3t-value"


async def change(api: Any, path: str, user: str = "ana", **body: Any) -> Any:
    return await api.request("PATCH", path, user, json=body)


async def test_variables_are_stored_at_once_where_nothing_runs(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    path = "/projects/hello/config"
    done = await change(api, path, set={"TOKEN": SECRET, "OLD": "1"})
    assert done.status_code == 200
    assert done.json()["changed"] == ["OLD", "TOKEN"]
    assert done.json()["deployment"] is None
    assert "first release" in done.json()["effect"]
    both = await change(api, path, set={"NEW": "2"}, unset=["OLD", "NEVER"])
    assert both.json()["changed"] == ["NEW", "OLD"]
    masked = (await api.get(path, "ana")).json()
    assert [(each["name"], each["value"]) for each in masked] == [("NEW", None), ("TOKEN", None)]
    bare = (await api.get(path, "ana", params={"reveal": True})).json()
    assert [each["value"] for each in bare] == ["2", SECRET]
    assert not any(each["running"] or each["of_every_app"] for each in bare)


async def test_what_runs_gets_them_by_a_deployment(api: Any, deployed: Deployed) -> None:
    await deployed(await api.app("hello", await api.person("ana")))
    done = await change(api, "/projects/hello/config", set={"A": "1"}, unset=["B"])
    assert done.status_code == 202
    assert done.headers["Location"] == f"/deployments/{done.json()['deployment']['id']}"
    assert done.json()["deployment"]["message"] == "change A"
    stored = await change(api, "/projects/hello/config", set={"B": "1"}, restart=False)
    assert (stored.status_code, stored.json()["changed"]) == (200, ["B"])


async def test_variables_of_every_app_are_the_admins(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    done = await change(api, "/config", "root", set={"TZ": "UTC"})
    assert done.json()["changed"] == ["TZ"]
    assert [each["name"] for each in (await api.get("/config", "root")).json()] == ["TZ"]
    assert (await api.get("/projects/hello/config", "ana")).json()[0]["of_every_app"]


IMPOSSIBLE: list[dict[str, Any]] = [
    {"set": {SECRET: "1"}},
    {"set": {"A": f"{SECRET}\0"}},
    {"set": {"A": SECRET * 20_000}},
    {"set": {"PORT": SECRET}},
    {"set": {"A": [SECRET]}},
    {"set": {f"A{n}": SECRET for n in range(501)}},
    {"set": {f"A{n}": SECRET * 5000 for n in range(10)}},
    {"set": SECRET},
    {"unset": [f"{SECRET}!"]},
    {"unset": SECRET},
    {"set": {"A\ud800": SECRET}},
    {"set": {"A": f"{SECRET}\ud800"}},
]


async def test_what_cannot_be_is_refused_and_told_nowhere(
    api: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await api.app("hello", await api.person("ana"))
    for body in IMPOSSIBLE:
        answer = await api.request(
            "PATCH", "/projects/hello/config", "ana", content=json.dumps(body),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status_code == 422, body
        assert answer.json()["hint"]
        # Only what was sent as a name is told, to whom sent it: there it may be a slip.
        assert SECRET not in answer.text.replace(f"'{SECRET}' is none", ""), body
    assert SECRET not in caplog.text
    assert SECRET not in (await api.get("/projects/hello/events", "ana")).text
    assert (await api.get("/projects/hello/config", "ana")).json() == []


async def test_the_audit_log_has_the_names_alone(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    await change(api, "/projects/hello/config", set={"TOKEN": SECRET})
    listed = await api.get("/projects/hello/events", "ana")
    assert [(each["action"], each["detail"]) for each in listed.json()] == [("config:set", "TOKEN")]
    assert SECRET not in listed.text
