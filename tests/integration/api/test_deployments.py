"""Deployments: listed, looked at, cancelled; archives become deployments."""

import asyncio
import io
import tarfile
from typing import Any

import pytest

from deployzero.deploy.ending import cancel_waiting
from deployzero.models.access import Role, Scope
from deployzero.models.release import Kind
from deployzero.store import deployments

FILES = {"app/index.html": "hello", "app/static/a.css": "b {}"}


def archive(files: dict[str, str] = FILES, **of_first: Any) -> bytes:
    """A tar.gz. of_first: fields of the first entry's TarInfo."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            for key, value in of_first.items():
                setattr(entry, key, value)
            of_first = {}
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


async def test_an_archive_is_queued_as_a_deployment(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    answer = await api.post(
        "/projects/hello/deployments", "ana",
        data={"message": "Second try\n\nlong"}, files={"file": ("a.tar.gz", archive())},
    )  # fmt: skip
    assert answer.status_code == 202
    made = answer.json()
    assert answer.headers["Location"] == f"/deployments/{made['id']}"
    assert (made["kind"], made["state"], made["project_name"]) == ("archive", "created", "hello")
    assert (made["message"], made["user"], made["release"]) == ("Second try", "ana", None)
    assert (await api.get(f"/deployments/{made['id']}", "ana")).json() == made
    assert (await api.get("/projects/hello/deployments", "ana")).json() == [made]
    async with api.platform.database.read() as session:
        stored = await deployments.get(session, made["id"])
    with api.platform.repositories.open("hello") as repo:
        tree = repo[repo[stored.commit.encode()].tree]
        assert {entry.path for entry in tree.items()} == {b"index.html", b"static"}


@pytest.mark.parametrize("kind", ["application/gzip", "application/x-www-form-urlencoded", None])
async def test_an_archive_may_be_the_body_itself(api: Any, kind: str | None) -> None:
    await api.app("hello", await api.person("ana"))
    headers = {"Content-Type": kind} if kind else {}
    answer = await api.post(
        "/projects/hello/deployments", "ana", params={"message": "m"}, content=archive(),
        headers=headers,
    )  # fmt: skip
    assert (answer.status_code, answer.json()["message"]) == (202, "m")


async def test_it_goes_by_pages(api: Any, deployed: Any) -> None:
    project = await api.app("hello", await api.person("ana"))
    ids = [(await deployed(project, kind=Kind.PUSH)).id for _ in range(3)]
    first = await api.get("/projects/hello/deployments", "ana", params={"limit": 2})
    assert [each["id"] for each in first.json()] == [ids[2], ids[1]]
    rest = await api.get(first.links["next"]["url"], "ana")
    assert [each["id"] for each in rest.json()] == [ids[0]]


async def test_who_may_what(api: Any) -> None:
    ana = await api.person("ana")
    await api.person("eve")
    await api.person("bob")
    await api.app("hello", ana, bob=Role.VIEWER)
    path = "/projects/hello/deployments"
    made = (await api.post(path, "ana", content=archive())).json()["id"]
    for user, scope, sees, deploys in (
        (None, None, 401, 401),
        ("eve", None, 404, 404),
        ("bob", None, 200, 403),
        ("ana", Scope.READ, 200, 403),
        ("ana", Scope.DEPLOY, 200, 202),
    ):
        headers = {}
        if scope is not None:
            headers = {"X-API-Key": await api.key(ana, scope)}
            user = None
        for seen in (path, f"/deployments/{made}", f"/deployments/{made}/logs"):
            assert (await api.get(seen, user, headers=headers)).status_code == sees, (user, seen)
        answer = await api.post(path, user, content=archive(), headers=headers)
        assert answer.status_code == deploys, (user, scope)
        if deploys != 202:
            cancelled = await api.post(f"/deployments/{made}/cancel", user, headers=headers)
            assert cancelled.status_code == deploys, (user, scope)


async def test_what_is_not_there_is_404(api: Any) -> None:
    for path in ("/deployments/77", "/deployments/77/logs", "/projects/none/deployments"):
        answer = await api.get(path, "root")
        assert (answer.status_code, bool(answer.json()["hint"])) == (404, True)
    assert (await api.get("/deployments/99999999999", "root")).status_code == 422
    assert (await api.post("/deployments/77/cancel", "root")).status_code == 404


async def test_what_has_ended_cannot_be_cancelled(api: Any, deployed: Any) -> None:
    live = await deployed(await api.app("hello", await api.person("ana")))
    answer = await api.post(f"/deployments/{live.id}/cancel", "ana")
    assert (answer.status_code, "it is live" in answer.json()["detail"]) == (409, True)


async def test_what_waits_is_cancelled_and_shown_as_it_ended(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    made = (await api.post("/projects/hello/deployments", "ana", content=archive())).json()["id"]
    asking = asyncio.create_task(api.post(f"/deployments/{made}/cancel", "ana"))
    while not (cancels := api.platform.queue.take_cancels()):  # noqa: ASYNC110 - the worker's part
        await asyncio.sleep(0.01)
    await cancel_waiting(api.platform, made, cancels[made])
    answer = await asking
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["reason"]) == ("cancelled", "cancelled by ana")
