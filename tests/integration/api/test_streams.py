"""Logs over HTTP and WebSockets: so far, as they come, from where the reader was."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from deployzero import server
from deployzero.api import streams
from deployzero.models.access import Role
from deployzero.models.deployment import Deployment, State
from deployzero.operations import access, api_keys, guard
from deployzero.store import deployments

NDJSON = {"Accept": "application/x-ndjson"}
LIMIT = 20.0


@pytest_asyncio.fixture(loop_scope="session")
async def waiting(api: Any) -> Deployment:
    """One that a worker could take."""
    project = await api.app("hello", await api.person("ana"))
    async with api.platform.database.begin() as session:
        return await deployments.create(session, project.id, project.user_id, "main", "a" * 40)


async def fail(api: Any, deployment: Deployment, reason: str = "it broke") -> None:
    """Play the worker: it ends."""
    async with api.platform.database.begin() as session:
        await deployments.transition(session, deployment.id, State.ERROR, reason=reason)
    await api.platform.logs.end(deployment.id)


async def connected(api: Any, path: str, user: str | None = "ana") -> ClientConnection:
    headers = {"X-API-Key": api.keys[user]} if user else {}
    url = f"ws://127.0.0.1:{api.port}{path}"
    return await connect(url, additional_headers=headers, proxy=None)


@contextlib.asynccontextmanager
async def socket(api: Any, path: str, user: str | None = "ana") -> AsyncIterator[ClientConnection]:
    async with asyncio.timeout(LIMIT), await connected(api, path, user) as connection:
        yield connection


async def heard(connection: ClientConnection) -> list[Any]:
    """All messages until it is closed, for whatever reason."""
    found: list[Any] = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            found.append(json.loads(await connection.recv()))
    return found


async def refusal(api: Any, path: str, user: str | None = "ana") -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as refused:
        async with socket(api, path, user):
            pass
    response = refused.value.response
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, json.loads(response.body or b"")


async def test_a_log_so_far_as_text_and_as_lines(api: Any, deployed: Any) -> None:
    project = await api.app("hello", await api.person("ana"))
    live = await deployed(project, logs=["-----> one", "two", "é"])
    path = f"/deployments/{live.id}/logs"
    text = await api.get(path, "ana")
    assert text.text == "-----> one\ntwo\né\n"
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text.headers["Cache-Control"] == "no-store"
    assert text.headers["X-Accel-Buffering"] == "no"
    lines = await api.get(path, "ana", headers=NDJSON, params={"since": 1})
    assert lines.headers["Content-Type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == [
        {"seq": 2, "data": "two"},
        {"seq": 3, "data": "é"},
    ]
    followed = await api.get(path, "ana", headers=NDJSON, params={"since": 2, "follow": 1})
    assert [json.loads(line) for line in followed.text.splitlines()] == [
        {"type": "log", "seq": 3, "data": "é"},
        {
            "type": "status", "state": "live", "live": True, "release": 1,
            "url": "http://hello.localhost:8080", "reason": "",
        },
    ]  # fmt: skip
    assert (await api.get(path, "ana", params={"since": -1})).status_code == 422


async def test_a_followed_log_comes_as_it_is_written(
    api: Any, waiting: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BEAT", 0.05)
    path = f"/deployments/{waiting.id}/logs?follow=1"
    headers = {"X-API-Key": api.keys["ana"]} | NDJSON
    async with asyncio.timeout(LIMIT), api.http.stream("GET", path, headers=headers) as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == ""  # nothing happens, and nobody between is to hang up
        for number in (1, 2):
            api.platform.logs.append(waiting.id, f"line {number}")
            while not (line := await anext(lines)):
                pass
            assert json.loads(line) == {"type": "log", "seq": number, "data": f"line {number}"}
        await fail(api, waiting)
        rest = [json.loads(line) async for line in lines if line]
    assert [(each["state"], each["live"], each["reason"]) for each in rest] == [
        ("error", False, "it broke")
    ]


@pytest.mark.parametrize("tail", ["", "/stream"])
async def test_a_socket_has_each_line_and_then_how_it_ended(
    api: Any, waiting: Deployment, tail: str
) -> None:
    api.platform.logs.append(waiting.id, "one")
    path = f"/deployments/{waiting.id}/logs{tail}"
    async with socket(api, path) as connection, socket(api, f"{path}?since=1") as resumed:
        assert json.loads(await connection.recv()) == {"type": "log", "seq": 1, "data": "one"}
        api.platform.logs.append(waiting.id, "two")
        await fail(api, waiting)
        first, last = await heard(connection)
        assert first == {"type": "log", "seq": 2, "data": "two"}
        assert last == {
            "type": "status", "state": "error", "live": False, "release": None,
            "url": "http://hello.localhost:8080", "reason": "it broke",
        }  # fmt: skip
        assert connection.close_code == 1000
        assert await heard(resumed) == [first, last]


async def test_a_socket_is_refused_with_a_problem_before_it_opens(
    api: Any, waiting: Deployment
) -> None:
    await api.person("eve")
    path = f"/deployments/{waiting.id}/logs"
    assert (await refusal(api, path, None))[0] == 401
    status, problem = await refusal(api, path, "eve")
    assert (status, problem["hint"]) == (404, "Look at its app's.")
    assert (await refusal(api, "/deployments/99/logs/stream"))[0] == 404
    status, problem = await refusal(api, f"{path}?since=x")
    assert (status, problem["detail"][:6]) == (422, "since:")


async def test_one_user_has_so_many_streams_at_once_through_all_doors_together(
    api: Any, waiting: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_STREAMS", 2)
    await api.person("boss", "admin")
    path = f"/deployments/{waiting.id}/logs"
    follow = {"X-API-Key": api.keys["ana"]} | NDJSON
    async with api.http.stream("GET", f"{path}?follow=1", headers=follow) as first:
        assert first.status_code == 200
        async with socket(api, path):
            assert (await api.get(path, "ana")).status_code == 200, "it has an end of its own"
            refused = await api.get(f"{path}?follow=1", "ana")
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
            assert "Close one" in refused.json()["hint"]
            assert (await refusal(api, path))[0] == 429
            async with socket(api, path, "boss"):
                pass
    await fail(api, waiting)
    async with asyncio.timeout(LIMIT):
        while api.platform.streams:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await api.get(f"{path}?follow=1", "ana")).status_code == 200


async def test_who_loses_access_or_the_key_hears_no_more(api: Any, waiting: Deployment) -> None:
    root = await api.person("boss", "admin")
    await api.person("bob")
    await access.share(api.platform, root, "hello", "bob", Role.VIEWER)
    path = f"/deployments/{waiting.id}/logs"
    async with socket(api, path, "bob") as bobs, socket(api, path, "ana") as anas:
        headers = {"X-API-Key": api.keys["bob"]}
        async with api.http.stream("GET", f"{path}?follow=1", headers=headers) as answer:
            await asyncio.sleep(0.3)  # the guard begins to look then
            await access.unshare(api.platform, root, "hello", "bob")
            assert [line async for line in answer.aiter_lines()] == []
        assert await heard(bobs) == []
        assert bobs.close_code == 1008
        ana = await api_keys.authenticate(api.platform, api.keys["ana"])
        assert ana is not None
        assert ana.api_key_id is not None
        await api_keys.remove(api.platform, ana, ana.api_key_id)
        assert await heard(anas) == []
        assert anas.close_code == 1008


async def test_a_server_that_stops_tells_what_ended_and_lets_the_others_resume(
    api: Any, waiting: Deployment
) -> None:
    root = await api.person("boss", "admin")
    other = await api.app("other", root)
    async with api.platform.database.begin() as session:
        stays = await deployments.create(session, other.id, root.id, "main", "a" * 40)
    async with server.http_door(api.platform, 0) as api.port:
        ends = await connected(api, f"/deployments/{waiting.id}/logs")
        goes_on = await connected(api, f"/deployments/{stays.id}/logs", "boss")
        await asyncio.sleep(0.3)
        await fail(api, waiting, "interrupted")
        begun = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begun < 4
    assert [each["reason"] for each in await heard(ends)] == ["interrupted"]
    assert await heard(goes_on) == []
    assert (ends.close_code, goes_on.close_code) == (1000, 1012)


async def test_a_reader_that_stands_still_holds_up_nobody(api: Any, waiting: Deployment) -> None:
    path = f"/deployments/{waiting.id}/logs"
    asleep, asleep_writer = await asyncio.open_connection("127.0.0.1", api.port, limit=1024)
    asleep_writer.write(
        f"GET {path}?follow=1 HTTP/1.1\r\nHost: x\r\nX-API-Key: {api.keys['ana']}\r\n\r\n".encode()
    )
    await asyncio.wait_for(asleep.readuntil(b"\r\n\r\n"), LIMIT)
    async with socket(api, path) as connection:
        for number in range(3000):
            api.platform.logs.append(waiting.id, f"{number} {'x' * 4000}")
        await fail(api, waiting)
        messages = await heard(connection)
    assert [each.get("seq") for each in messages] == [*range(1, 3001), None]
    asleep_writer.close()


async def test_what_an_app_prints_needs_the_engine(api: Any, deployed: Any) -> None:
    await deployed(await api.app("hello", await api.person("ana")))
    await api.person("eve")
    path = "/projects/hello/logs"
    assert (await api.get(path, "ana")).status_code == 503
    assert (await api.get(path, "eve")).status_code == 404
    assert (await api.get(path)).status_code == 401
    for params in ({"lines": -1}, {"lines": 10_001}, {"process": "x" * 101}):
        assert (await api.get(path, "ana", params=params)).status_code == 422, params
