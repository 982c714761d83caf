"""The OpenAPI document reads well, and the server keeps to it whatever comes (schemathesis)."""

import asyncio
import copy
import functools
import itertools
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import requests
import schemathesis
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deployzero.api.app import make_app
from deployzero.api.openapi import TAGS
from deployzero.api.problems import MEDIA_TYPE
from deployzero.deploy import routes
from deployzero.operations import changes
from deployzero.store.tables import APIKeyRow

Deployed = Callable[..., Awaitable[Any]]

PUBLIC = {"healthz", "register", "login", "start_cli_login", "poll_cli_login"}
USE_UP_THE_KEY = ("logout", "refresh")
"""They end the very key that asks: every later request would be a 401."""
CHECKS: Any = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
EXAMPLES = 2
"""Of each operation; by hand it may be more."""
AWAY = re.compile(r"Docker Engine|the proxy")
"""What a 503 is about here, where neither runs."""


@functools.cache
def document() -> dict[str, Any]:
    platform: Any = None  # which is not asked anything
    return make_app(platform).openapi()


def operations() -> list[dict[str, Any]]:
    return [each for path in document()["paths"].values() for each in path.values()]


def test_the_document_reads_well() -> None:
    names = [each["operationId"] for each in operations()]
    assert len(names) == len(set(names))
    for each in operations():
        name = each["operationId"]
        assert re.fullmatch(r"[a-z_]+", name)
        assert set(each["tags"]) <= TAGS.keys(), name
        assert re.match(r"[A-Z0-9]", each["summary"]), name
        assert len(each["summary"]) < 120, name
        assert each.get("security", []) == [{"APIKeyAuth": []}] or name in PUBLIC, name
        assert MEDIA_TYPE in each["responses"]["default"]["content"], name
        assert "422" not in each["responses"], f"{name}: FastAPI's own, which is never sent"
    schemas = document()["components"]["schemas"]
    assert "Problem" in schemas
    assert [name for name in schemas if "__" in name] == [], "two models of one name"


def test_no_body_takes_a_field_that_is_not_known() -> None:
    schemas = document()["components"]["schemas"]
    bodies = [
        each["requestBody"]["content"]["application/json"]["schema"]
        for each in operations()
        if "application/json" in each.get("requestBody", {}).get("content", {})
    ]
    names = {name for body in bodies for name in re.findall(r"/schemas/(\w+)", str(body))}
    assert len(names) > 15
    loose = {name for name in names if schemas[name].get("additionalProperties") is not False}
    assert loose == {"Formation"}, "its fields are the processes"


async def test_the_server_keeps_to_it_whatever_comes(
    api: Any, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("SWITCH_LIMIT", "RESTORE_LIMIT"):
        monkeypatch.setattr(routes, limit, 0.1)  # there is no proxy
    monkeypatch.setattr(changes, "CANCEL_LIMIT", 0.1)  # nor a worker
    ana = await api.person("ana")
    keys = {name: api.keys[name] for name in ("root", "ana")}
    project = await api.app("hello", ana)
    await deployed(project)
    live = await deployed(project, {"web": 1, "worker": 1})
    async with api.platform.database.begin() as session:  # small ids are removed by and by
        await session.execute(sa.update(APIKeyRow).values(id=APIKeyRow.id + 10**6))
    pinned = {"project": str(project.id), "deployment": live.id}  # an id stays over a rename
    url = f"http://127.0.0.1:{api.port}"
    faults = await asyncio.to_thread(fuzz, url, keys, pinned, EXAMPLES)
    assert faults == []
    for name in keys:
        assert (await api.get("/auth/me", name)).json()["username"] == name, "it has asked blindly"


def fuzz(url: str, keys: dict[str, str], pinned: dict[str, Any], examples: int) -> list[str]:
    """Ask every operation, with the keys in turn; returns what was wrong with the answers."""
    schema = schemathesis.openapi.from_dict(copy.deepcopy(document()))
    turn = itertools.cycle(keys.items())
    faults: list[str] = []
    with requests.Session() as session:
        session.trust_env = False

        def ask(case: Case) -> None:
            name, key = next(turn)
            try:
                check(case, case.call(url, session, {"X-API-Key": key}, timeout=20))
            except (FailureGroup, AssertionError, ValueError, requests.RequestException) as error:
                faults.append(f"{name}: {case.as_curl_command()}\n{error}")

        for result in schema.get_all_operations():
            operation = result.ok()
            if operation.definition.raw["operationId"] not in USE_UP_THE_KEY:
                for strategy, most in strategies(operation, examples):
                    run(strategy, lambda case: ask(bounded(case, pinned)), most)
    return faults


def strategies(
    operation: APIOperation[Any, Any, Any, Any], examples: int
) -> list[tuple[SearchStrategy[Case], int]]:
    """The document's own examples, what fits it, and half as many that do not."""
    found = [(each, 1) for each in operation.get_strategies_from_examples()]
    found.append((operation.as_strategy(generation_mode=GenerationMode.POSITIVE), examples))
    if operation.definition.raw.get("parameters") or operation.body:
        wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
        found.append((wrong, examples // 2))
    return found


def run(strategy: SearchStrategy[Case], ask: Callable[[Case], None], most: int) -> None:
    settings(
        max_examples=most,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(given(strategy)(ask))()


def bounded(case: Case, pinned: dict[str, Any]) -> Case:
    """About the app and the deployment that there are, as often as not; and with an end."""
    if case.meta and case.meta.generation.mode is GenerationMode.POSITIVE:
        for name in pinned.keys() & case.path_parameters.keys():
            case.path_parameters[name] = pinned[name]
    if case.operation.label == "GET /projects/{project}/logs":
        case.query.pop("follow", None)  # that goes on for ever, as it should
    return case


def check(case: Case, answer: Any) -> None:
    """Raises an error for an answer that must not be."""
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code < 400:
        return
    told = answer.json()
    if case.operation.label == "GET /healthz":
        return
    assert told["hint"], f"no hint: {told}"
    if answer.status_code >= 500:
        assert answer.status_code == 503, told
        assert AWAY.search(told["detail"]), told
