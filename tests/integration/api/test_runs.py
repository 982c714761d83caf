"""/projects/{project}/runs; with an engine: tests/e2e."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deployzero.deploy import runs
from deployzero.runtime.container import ContainerSummary

Deployed = Callable[..., Awaitable[Any]]

SECRET = "s3cr3t"


async def test_a_run_needs_something_live_and_an_engine(api: Any, deployed: Deployed) -> None:
    project = await api.app("hello", await api.person("ana"))
    path = "/projects/hello/runs"
    command = {"command": ["env", f"TOKEN={SECRET}", "true"]}
    nothing = await api.post(path, "ana", json=command)
    assert nothing.status_code == 409
    assert nothing.json()["hint"] == "Push it first."
    await deployed(project)
    for answer in (
        await api.post(path, "ana", json=command),
        await api.get(path, "ana"),
        await api.request("DELETE", f"{path}/run.1000", "ana"),
    ):
        assert answer.status_code == 503
        assert answer.json()["hint"]
    for bad in ([], ["a\0"], [""], "ls", ["a"] * 1001, ["a" * 100_001], [1]):
        refused = await api.post(path, "ana", json={"command": bad})
        assert refused.status_code == 422
    listed = await api.get("/projects/hello/events", "ana")
    assert [each["detail"] for each in listed.json() if each["action"] == "run:detached"][-1:] == [
        "env …"
    ]
    assert SECRET not in listed.text


async def test_more_than_the_most_are_refused(
    api: Any, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deployed(await api.app("hello", await api.person("ana")))

    async def list_containers(*_: str) -> list[ContainerSummary]:
        return [
            ContainerSummary("", "hello", 1, "run", 1000 + n, "image", True, "", "", 0.0, {})
            for n in range(runs.MOST)
        ]

    monkeypatch.setattr(api.platform.runtime, "list_containers", list_containers)
    refused = await api.post("/projects/hello/runs", "ana", json={"command": ["true"]})
    assert refused.status_code == 409
    assert refused.json()["detail"] == "20 commands run already, 20 are the most"


async def test_the_server_tells_how_it_is(api: Any) -> None:
    told = (await api.get("/report", "root")).json()
    assert told["engine"].startswith("the Docker Engine") or told["engine"]
    assert told["proxy"] == "does not answer"
    assert told["database"] == "sqlite"
    assert told["apps"]["all"] == 0
    assert told["queue"] == told["failures"] == []
