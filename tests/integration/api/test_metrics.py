"""GET /metrics: figures that Prometheus reads, for admins alone."""

from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from deployzero.deploy.ending import end
from deployzero.models.access import Scope
from deployzero.models.deployment import State
from deployzero.store import containers, deployments, projects, users

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(families: Any) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


async def figures(api: Any) -> Samples:
    answer = await api.get("/metrics", "root")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return samples(plain(answer.text))


def of(found: Samples, name: str, **labels: str) -> float:
    return found[f"deployzero_{name}", frozenset(labels.items())]


async def test_apps_and_containers_are_counted_by_state(api: Any, deployed: Any) -> None:
    ana = await api.person("ana")
    made = {name: await api.app(name, ana) for name in ("new", "well", "asleep", "ill", "none")}
    for name in ("well", "asleep", "ill"):
        await deployed(made[name], {"web": 2})
    await deployed(made["none"], {})
    async with api.platform.database.begin() as session:
        await projects.set_stopped(session, made["asleep"].id)
        for row in await containers.of_project(session, made["ill"].id):
            await containers.set_health(session, row.id, "down")
        await deployments.create(session, made["new"].id, ana.id, "main", "a" * 40)
    found = await figures(api)
    states = ("live", "stopped", "down", "not deployed")
    assert [of(found, "apps", state=state) for state in states] == [2, 1, 1, 1]
    health = ("healthy", "down", "unhealthy", "starting")
    assert [of(found, "containers", health=each) for each in health] == [2, 2, 0, 0]
    waiting = [of(found, "queue", state=state) for state in ("created", "building", "deploying")]
    assert waiting == [1, 0, 0]
    for name in ("disk_free_bytes", "disk_bytes", "database_bytes"):
        assert of(found, name) > 0
    assert found["process_resident_memory_bytes", frozenset()] > 1 << 20


async def test_deployments_that_end_and_requests_are_counted(api: Any) -> None:
    app = await api.app("hello", await api.person("ana"))
    async with api.platform.database.begin() as session:
        made = await deployments.create(session, app.id, app.user_id, "main", "a" * 40)
    await end(api.platform, made.id, State.ERROR, "no reason")
    for path in ("/projects/hello", "/projects/helo", "/no/such/path"):
        await api.get(path, "ana")
    await api.request("BREW", "/projects", "ana")
    found = await figures(api)
    assert of(found, "deployments_total", kind="push", result="error") == 1
    route = "/projects/{project}"
    count = "http_request_seconds_count"
    assert of(found, count, method="GET", route=route, status="200") == 1
    assert of(found, count, method="GET", route=route, status="404") == 1
    assert of(found, count, method="GET", route="none", status="404") == 1
    assert not any("BREW" in dict(labels).values() for _, labels in found)


async def test_who_asks_for_openmetrics_gets_it(api: Any) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.1"
    headers = {"Accept": accept, "Authorization": f"Bearer {api.keys['root']}"}
    answer = await api.get("/metrics", headers=headers)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert of(samples(openmetrics(answer.text)), "apps", state="live") == 0


@pytest.mark.parametrize("scope", list(Scope))
async def test_admins_keys_of_any_scope_may_and_nobody_elses(api: Any, scope: Scope) -> None:
    for name, status in (("root", 200), ("ana", 403)):
        user = await api.person(name) if name == "ana" else await person(api, name)
        headers = {"X-API-Key": await api.key(user, scope)}
        assert (await api.get("/metrics", headers=headers)).status_code == status
    assert (await api.get("/metrics")).status_code == 401


async def person(api: Any, name: str) -> Any:
    async with api.platform.database.read() as session:
        return await users.by_name(session, name)
