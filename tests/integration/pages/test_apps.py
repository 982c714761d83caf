"""An app's pages: what they show to whom, what they do, what comes live."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from deployzero.errors import ContainerError
from deployzero.models.access import Role
from deployzero.models.deployment import State
from deployzero.models.runtime_log import RuntimeLine, Skipped
from deployzero.operations import access, builds, config, events, guard
from deployzero.pages import deployment as deployment_page
from deployzero.store import containers, deployments, users

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"
LIMIT = 10.0


async def user_of(site: Any, name: str) -> Any:
    async with site.platform.database.read() as session:
        return await users.by_name(session, name)


async def test_the_first_page_shows_ones_own_apps_and_their_state(site: Any) -> None:
    ana, ben = await site.signed_in("ana"), await site.signed_in("ben")
    await site.deployment(await site.app("hello", "ana"))
    await site.app("newborn", "ana")
    await site.deployment(await site.app("coming", "ana"), State.BUILDING)
    page = (await ana.get("/")).text
    assert "is-live" in page
    assert "Nothing deployed yet" in page
    assert ">Building<" in page
    assert "http://hello.localhost:8080" in page
    assert "hello" not in (await ben.get("/")).text.split("<main")[1].split("git remote")[0]


async def test_an_apps_own_page_tells_its_state_in_the_same_words(site: Any) -> None:
    ana = await site.signed_in("ana")
    project = await site.app("hello", "ana")
    live = await site.deployment(project)
    async with site.platform.database.begin() as session:
        (row,) = await containers.of_deployment(session, live.id)
        await containers.set_health(session, row.id, "unhealthy")
    for path in ("/", "/apps/hello"):
        assert re.search(r'"state is-error">web.1 is unhealthy<', (await ana.get(path)).text), path
    await site.deployment(project, State.BUILDING)
    for path in ("/", "/apps/hello"):
        assert re.search(r'"state is-busy">Building<', (await ana.get(path)).text), path


async def test_somebody_elses_app_is_one_that_does_not_exist(site: Any) -> None:
    await site.signed_in("ana")
    ben = await site.signed_in("ben")
    live = await site.deployment(await site.app("hello", "ana"))
    token = ben.form(await ben.get("/"), "/logout")
    for path in ("", "/usage", "/log/stream", f"/deployments/{live.id}",
                 f"/deployments/{live.id}/stream", f"/deployments/{live.id}/log.txt"):  # fmt: skip
        there, not_there = await ben.get(f"/apps/hello{path}"), await ben.get(f"/apps/helli{path}")
        assert there.status_code == not_there.status_code == 404, path
        assert there.text.replace("hello", "helli") == not_there.text.replace("hello", "helli")
    for path in ("rollback", f"deployments/{live.id}/cancel"):
        answer = await ben.post(f"/apps/hello/{path}", {**token, "release": "1"})
        assert answer.status_code == 404


async def test_a_deployment_is_only_found_under_its_own_app(site: Any) -> None:
    ana = await site.signed_in("ana")
    live = await site.deployment(await site.app("hello", "ana"))
    await site.app("other", "ana")
    for path in (f"other/deployments/{live.id}", "hello/deployments/999999999999",
                 "hello/deployments/-1", "hello/deployments/\u0661"):  # fmt: skip
        assert (await ana.get(f"/apps/{path}")).status_code == 404


async def test_what_others_have_written_is_shown_and_never_run(site: Any) -> None:
    ana = await site.signed_in("ana")
    project = await site.app("hello", "ana")
    live = await site.deployment(project, message=HOSTILE, logs=[HOSTILE, "\x1b[31mred\x1b[0m"])
    failed = await site.deployment(project, State.ERROR, message=HOSTILE, reason=HOSTILE)
    line = RuntimeLine("2026-11-23T04:00:00.123456789Z", "web.1", HOSTILE, "c0ffee")
    site.platform.log_archive.write(
        project.id, "web.1", live.id, "c0ffee", [(line.at, line.text), (line.at, "second")]
    )
    for path in ("", f"/deployments/{live.id}", f"/deployments/{failed.id}"):
        page = (await ana.get(f"/apps/hello{path}")).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "{{7*7}}" in page
    log = (await ana.get(f"/apps/hello/deployments/{live.id}")).text
    assert '<div class="">red</div>' in log
    answer = await ana.get("/apps/<script>alert(1)</script>")
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text


async def test_config_is_named_and_no_value_is_shown(site: Any) -> None:
    ana = await site.signed_in("ana")
    await site.app("hello", "ana")
    user = await user_of(site, "ana")
    await config.set_variables(site.platform, user, "hello", {"DATABASE_URL": "hidden-value-1"})
    page = (await ana.get("/apps/hello")).text
    assert "DATABASE_URL" in page
    assert "hidden-value-1" not in page


async def test_a_deployer_rolls_back_and_it_is_in_the_audit_log(site: Any) -> None:
    ana = await site.signed_in("ana")
    project = await site.app("hello", "ana")
    await site.deployment(project, message="one")
    await site.deployment(project, message="two")
    answer = await ana.send("/apps/hello", "/apps/hello/rollback")
    assert answer.status_code == 303
    page = (await ana.get(answer.headers["Location"])).text
    assert "Rollback to v1" in page
    assert "Waiting" in page
    noted = (await events.list_events(site.platform, await user_of(site, "ana"), "hello"))[-1]
    assert (noted.action, noted.detail, noted.result) == ("rollback", "v1", "ok")


async def test_a_viewer_sees_no_buttons_and_is_refused(site: Any) -> None:
    ana, ben = await site.signed_in("ana"), await site.signed_in("ben")
    project = await site.app("hello", "ana", ben=Role.VIEWER)
    for _ in range(2):
        await site.deployment(project)
    building = await site.deployment(project, State.BUILDING)
    assert "Roll back" in (await ana.get("/apps/hello")).text
    assert "Roll back" not in (await ben.get("/apps/hello")).text
    assert "Cancel" not in (await ben.get(f"/apps/hello/deployments/{building.id}")).text
    token = ben.form(await ben.get("/"), "/logout")
    for path in ("rollback", f"deployments/{building.id}/cancel"):
        answer = await ben.post(f"/apps/hello/{path}", {**token, "release": "1"})
        assert answer.status_code == 403
        assert "this needs a deployer" in answer.text


@pytest.mark.parametrize("release", ["9", "2", "", "x", "-1", "1" * 30])
async def test_a_rollback_that_cannot_be_says_why(site: Any, release: str) -> None:
    ana = await site.signed_in("ana")
    project = await site.app("hello", "ana")
    for _ in range(2):
        await site.deployment(project)
    answer = await ana.send("/apps/hello", "/apps/hello/rollback", release=release)
    assert answer.status_code in (404, 409)


async def test_cancelling_stops_what_is_under_way(site: Any) -> None:
    ana = await site.signed_in("ana")
    building = await site.deployment(await site.app("hello", "ana"), State.BUILDING)
    path = f"/apps/hello/deployments/{building.id}"

    async def worker() -> None:
        async with asyncio.timeout(LIMIT):
            while building.id not in site.platform.queue.take_cancels():
                await site.platform.queue.woken()
        async with site.platform.database.begin() as session:
            await deployments.transition(
                session, building.id, State.CANCELLED, reason="cancelled by ana"
            )
        await site.platform.logs.end(building.id)

    answer, _ = await asyncio.gather(ana.send(path, f"{path}/cancel"), worker())
    assert answer.status_code == 303
    page = (await ana.get(path)).text
    assert "Cancelled by ana" in page
    assert "Cancel</button>" not in page


class Stream:
    """What a page's EventSource sees."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The next event: its name, id and data."""
        found: dict[str, Any] = {}
        async with asyncio.timeout(LIMIT):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if name in ("event", "id", "data"):
                    found[name] = json.loads(value) if name == "data" else value
                if not line and "event" in found:
                    return found
        return {"event": "closed"}


def watch(browser: Any, path: str, **headers: str) -> Any:
    return browser.http.stream("GET", path, headers=headers)


async def test_a_deployments_log_and_state_come_live_and_end_with_it(site: Any) -> None:
    ana = await site.signed_in("ana")
    building = await site.deployment(
        await site.app("hello", "ana"), State.BUILDING, logs=["one", "two"]
    )
    path = f"/apps/hello/deployments/{building.id}/stream"
    async with watch(ana, path, **{"Last-Event-ID": "1"}) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        stream = Stream(response)
        assert (await stream.next())["data"] == {"version": "building"}
        assert await stream.next() == {"event": "line", "id": "2", "data": {"text": "two"}}
        site.platform.logs.append(building.id, "three\r\nevent: end")
        assert (await stream.next())["data"] == {"text": "three"}
        assert (await stream.next())["data"] == {"text": "event: end"}
        async with site.platform.database.begin() as session:
            await deployments.transition(session, building.id, State.ERROR, reason="x")
        await site.platform.logs.end(building.id)
        assert (await stream.next())["data"] == {"version": "error"}
        assert (await stream.next())["event"] == "end"
        assert (await stream.next())["event"] == "closed"


async def test_an_apps_page_is_told_when_it_has_changed(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await site.signed_in("ana")
    project = await site.app("hello", "ana")
    await site.deployment(project)

    async def follow(*_: object) -> AsyncIterator[list[RuntimeLine]]:
        yield []
        await asyncio.sleep(LIMIT)

    monkeypatch.setattr("deployzero.operations.logs.follow", follow)
    monkeypatch.setattr("deployzero.pages.app.LOOK", 0.05)
    async with watch(ana, "/apps/hello/log/stream") as response:
        stream = Stream(response)
        before = (await stream.next())["data"]["version"]
        assert f'data-version="{before}"' in (await ana.get("/apps/hello")).text
        await site.deployment(project, State.BUILDING)
        after = (await stream.next())["data"]["version"]
        assert f'data-version="{after}"' in (await ana.get("/apps/hello")).text
    assert before != after
    assert (await ana.get("/apps/hello/usage")).json() == {"processes": []}  # no engine here


async def test_many_who_watch_look_once_and_one_user_has_so_many_streams(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    find = builds.find

    async def counted(platform: Any, user: Any, app: str, build: int | None) -> Any:
        looks.append(1)
        return await find(platform, user, app, build)

    monkeypatch.setattr(deployment_page, "LOOK", 60.0)
    monkeypatch.setattr(guard, "MOST_STREAMS", 3)
    ana = await site.signed_in("ana")
    building = await site.deployment(await site.app("hello", "ana"), State.BUILDING)
    path = f"/apps/hello/deployments/{building.id}/stream"
    monkeypatch.setattr(builds, "find", counted)
    async with AsyncExitStack() as stack:
        opened = [Stream(await stack.enter_async_context(watch(ana, path))) for _ in range(3)]
        for each in opened:
            assert (await each.next())["data"] == {"version": "building"}
        assert (await ana.get(path)).status_code == 429
    assert len(looks) == 4 + 1, "one to find it for each request, and one at its state for all"


async def test_taken_access_ends_a_stream(site: Any) -> None:
    ana, ben = await site.signed_in("ana"), await site.signed_in("ben")
    project = await site.app("hello", "ana", ben=Role.VIEWER)
    building = await site.deployment(project, State.BUILDING, logs=["one"])
    async with watch(ben, f"/apps/hello/deployments/{building.id}/stream?since=0") as response:
        stream = Stream(response)
        await stream.next()  # the state
        assert (await stream.next())["data"] == {"text": "one"}
        await access.unshare(site.platform, await user_of(site, "ana"), "hello", "ben")
        site.platform.logs.append(building.id, "not for ben")
        assert (await stream.next())["event"] == "end"
        assert (await stream.next())["event"] == "closed"
    assert (await ana.get("/apps/hello")).status_code == 200


async def test_signing_out_ends_a_stream(site: Any) -> None:
    ana = await site.signed_in("ana")
    building = await site.deployment(await site.app("hello", "ana"), State.BUILDING, logs=["one"])
    async with watch(ana, f"/apps/hello/deployments/{building.id}/stream") as response:
        stream = Stream(response)
        await stream.next()  # the state
        assert (await stream.next())["data"] == {"text": "one"}
        await ana.send("/", "/logout")
        event = await stream.next()
        assert "signed out" in event["data"]["reason"]


async def test_streams_are_for_who_has_signed_in(site: Any) -> None:
    await site.signed_in("ana")
    live = await site.deployment(await site.app("hello", "ana"))
    guest = await site.browser()
    for path in ("log/stream", "usage", f"deployments/{live.id}/stream"):
        assert (await guest.get(f"/apps/hello/{path}")).status_code == 401


async def test_the_apps_log_resumes_behind_what_the_page_has(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await site.signed_in("ana")
    await site.app("hello", "ana")
    times = [f"2026-11-23T04:00:0{n}.000000000Z" for n in range(4)]

    async def follow(*_: object) -> AsyncIterator[list[RuntimeLine | Skipped]]:
        yield [RuntimeLine(at, "web.1", f"line {at[18]}", "c0ffee") for at in times[:3]]
        yield [Skipped(7), RuntimeLine(times[3], "web.1", "line 3", "c0ffee")]
        raise ContainerError("the Docker Engine does not answer")

    monkeypatch.setattr("deployzero.operations.logs.follow", follow)
    async with watch(ana, f"/apps/hello/log/stream?since={times[1]}") as response:
        stream = Stream(response)
        await stream.next()  # the state
        data = {"source": "web.1", "text": "line 2"}
        assert await stream.next() == {"event": "line", "id": times[2], "data": data}
        assert await stream.next() == {"event": "skipped", "data": {"lines": 7}}
        assert (await stream.next())["data"]["text"] == "line 3"
        # The browser comes back by itself: the engine may be there again.
        assert (await stream.next())["event"] == "trouble"
        assert (await stream.next())["event"] == "closed"


async def test_the_page_shows_the_log_so_far_without_a_script(site: Any) -> None:
    ana = await site.signed_in("ana")
    project = await site.app("hello", "ana")
    live = await site.deployment(project)
    at = "2026-11-23T04:00:00.000000000Z"
    site.platform.log_archive.write(project.id, "web.1", live.id, "c0ffee", [(at, "it prints")])
    page = (await ana.get("/apps/hello")).text
    assert "<b>web.1</b> it prints" in page
    assert f'data-since="{at}"' in page
