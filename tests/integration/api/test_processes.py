"""/projects/{project}/processes, /formation, /limits and what starts, stops, restarts them."""

from collections.abc import Awaitable, Callable
from typing import Any

from deployzero.store import projects

Deployed = Callable[..., Awaitable[Any]]


async def test_processes_are_told_without_an_engine_too(api: Any, deployed: Deployed) -> None:
    await deployed(await api.app("hello", await api.person("ana")), {"web": 1, "worker": 2})
    told = (await api.get("/projects/hello/processes", "ana")).json()
    assert told["stopped"] is False
    names = [f"{each['process']}.{each['index']}" for each in told["processes"]]
    assert names == ["web.1", "worker.1", "worker.2"]
    assert told["processes"][0] == {
        "process": "web", "index": 1, "health": "healthy", "status": "unknown", "restarts": None,
        "memory_bytes": 512 << 20, "cpus": 0.5, "started_at": None, "usage": None,
    }  # fmt: skip
    measured = await api.get("/projects/hello/processes", "ana", params={"usage": True})
    assert measured.status_code == 503
    assert measured.json()["hint"]


async def test_processes_are_scaled_by_a_deployment(api: Any, deployed: Deployed) -> None:
    await deployed(await api.app("hello", await api.person("ana")), {"web": 1, "worker": 2})
    path = "/projects/hello/formation"
    assert (await api.get(path, "ana")).json() == {"web": 1, "worker": 0}
    done = await api.request("PATCH", path, "ana", json={"web": 2, "worker": 1})
    assert done.status_code == 202
    assert done.headers["Location"] == f"/deployments/{done.json()['id']}"
    assert done.json()["message"] == "Scale web=2 worker=1"
    for bad in ({}, {"web": -1}, {"web": 101}, {"web": "x"}, {"none": 1}, {"web": None}, []):
        refused = await api.request("PATCH", path, "ana", json=bad)
        assert refused.status_code == 422, bad
        assert refused.json()["hint"]


async def test_an_app_is_restarted_and_rebuilt_once_a_request(api: Any, deployed: Deployed) -> None:
    await deployed(await api.app("hello", await api.person("ana")))
    for verb, kind in {"restart": "restart", "rebuild": "rebuild"}.items():
        once = {"Idempotency-Key": verb}
        first = await api.post(f"/projects/hello/{verb}", "ana", headers=once)
        again = await api.post(f"/projects/hello/{verb}", "ana", headers=once)
        assert (first.status_code, again.status_code) == (202, 200)
        assert first.json()["kind"] == kind
        assert first.json()["id"] == again.json()["id"]


async def test_an_app_that_runs_is_not_started(api: Any, deployed: Deployed) -> None:
    live = await deployed(await api.app("hello", await api.person("ana")))
    started = await api.post("/projects/hello/start", "ana")
    assert (started.status_code, started.json()["id"]) == (200, live.id)
    async with api.platform.database.begin() as session:
        await projects.set_stopped(session, live.project_id)
    assert (await api.post("/projects/hello/stop", "ana")).status_code == 204  # it is already
    assert (await api.get("/projects/hello", "ana")).json()["stopped"] is True
    assert (await api.post("/projects/hello/restart", "ana")).status_code == 409
    assert (await api.post("/projects/hello/start", "ana")).status_code == 202


async def test_limits_are_set_by_a_deployment(api: Any, deployed: Deployed) -> None:
    await deployed(await api.app("hello", await api.person("ana")))
    path = "/projects/hello/limits"
    limits = {"process": "web", "memory_bytes": 512 << 20, "cpus": 0.5,
              "memory_set": False, "cpus_set": False}  # fmt: skip
    assert (await api.get(path, "ana")).json() == [limits]
    for good in ({"memory": "256m"}, {"process": "web", "cpus": 1}, {"reset": True}):
        assert (await api.request("PATCH", path, "ana", json=good)).status_code == 202
    for bad in (
        {}, {"memory": "1"}, {"memory": "x"}, {"cpus": 0}, {"cpus": 999}, {"cpus": "NaN"},
        {"process": "none", "cpus": 1}, {"memory": "9" * 20}, {"cpu": 1},
    ):  # fmt: skip
        refused = await api.request("PATCH", path, "ana", json=bad)
        assert refused.status_code == 422, bad
        assert refused.json()["hint"]


async def test_what_is_not_deployed_has_nothing_to_change(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    assert (await api.get("/projects/hello/processes", "ana")).json()["processes"] == []
    for verb in ("restart", "start", "stop", "rebuild", "rollback"):
        refused = await api.post(f"/projects/hello/{verb}", "ana")
        assert refused.status_code == 409
        assert refused.json()["hint"] == "Push it first."
