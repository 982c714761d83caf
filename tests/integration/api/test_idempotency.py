"""A request that is sent again with the same Idempotency-Key starts no second deployment."""

import asyncio
import io
import zipfile
from typing import Any

import pytest

from deployzero.errors import AlreadyStartedError, UsageError
from deployzero.models.release import Kind
from deployzero.operations import changes
from deployzero.store import deployments

MADE = io.BytesIO()
with zipfile.ZipFile(MADE, "w") as zipped:
    zipped.writestr("index.html", "hello")
ARCHIVE = MADE.getvalue()


async def test_one_key_is_one_deployment_also_when_both_come_at_once(
    api: Any, deployed: Any
) -> None:
    ana = await api.person("ana")
    project = await api.app("hello", ana)
    await deployed(project)

    async def restart() -> int:
        try:
            return await changes.start_change(
                api.platform, ana, "hello", Kind.RESTART, idempotency_key="a"
            )
        except AlreadyStartedError as error:
            return error.deployment_id

    ids = await asyncio.gather(*(restart() for _ in range(5)))
    assert len(set(ids)) == 1
    async with api.platform.database.read() as session:
        assert len(await deployments.unfinished_of(session, project.id)) == 1
    # What was asked for before its turn came may be of another kind by now; else it is refused.
    with pytest.raises(AlreadyStartedError):
        await changes.check_new(api.platform, ana, "hello", "a", Kind.SCALE)
    with pytest.raises(UsageError):
        await changes.check_new(api.platform, ana, "hello", "a", Kind.ROLLBACK)


async def test_keys_of_two_apps_have_nothing_to_do_with_each_other(api: Any, deployed: Any) -> None:
    ana = await api.person("ana")
    for name in ("one", "two"):
        await deployed(await api.app(name, ana))
    for name in ("one", "two"):
        await changes.start_change(api.platform, ana, name, Kind.RESTART, idempotency_key="a")


async def test_an_archive_that_is_sent_again_is_answered_with_its_deployment(
    api: Any, deployed: Any
) -> None:
    await deployed(await api.app("hello", await api.person("ana")))

    async def send(key: str) -> Any:
        return await api.post(
            "/projects/hello/deployments", "ana", content=ARCHIVE, headers={"Idempotency-Key": key}
        )

    both = await asyncio.gather(send("a"), send("a"))
    first, second = sorted(both, key=lambda answer: -answer.status_code)
    assert (first.status_code, second.status_code) == (202, 200)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert second.json() == first.json()
    assert (await send("a")).json() == first.json()
    assert (await send("b")).status_code == 202
    other = await api.post("/projects/hello/restart", "ana", headers={"Idempotency-Key": "a"})
    assert (other.status_code, "another request" in other.json()["detail"]) == (422, True)
    for bad in ("", "x" * 256, "a\tb"):
        assert (await send(bad)).status_code == 422, bad
    listed = await api.get("/projects/hello/deployments", "ana")
    assert [each["kind"] for each in listed.json()] == ["archive", "archive", "push"]
    checkouts = api.platform.settings.data_dir / "checkouts"
    assert len(list(checkouts.iterdir())) == 2


async def test_limits_that_are_sent_again_restart_once(api: Any, deployed: Any) -> None:
    await deployed(await api.app("hello", await api.person("ana")))
    first, second = [
        await api.request(
            "PATCH",
            "/projects/hello/limits",
            "ana",
            json={"memory": "64m"},
            headers={"Idempotency-Key": "a"},
        )
        for _ in range(2)
    ]
    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json()["id"] == first.json()["id"]
