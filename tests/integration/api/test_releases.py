"""/projects/{project}/releases, and the way back to one."""

from collections.abc import Awaitable, Callable
from typing import Any

from deployzero.models.release import Kind

Deployed = Callable[..., Awaitable[Any]]


async def test_releases_are_listed_page_by_page(api: Any, deployed: Deployed) -> None:
    project = await api.app("hello", await api.person("ana"))
    for kind in (Kind.PUSH, Kind.CONFIG, Kind.RESTART, Kind.PUSH):
        await deployed(project, kind=kind, message=f"by {kind}")
    path = "/projects/hello/releases"
    first = await api.get(path, "ana", params={"limit": 2})
    assert [each["release"] for each in first.json()] == [3, 2]
    assert [(each["live"], each["kept"]) for each in first.json()] == [(True, True), (False, True)]
    rest = await api.get(first.links["next"]["url"], "ana")
    assert [each["release"] for each in rest.json()] == [1]
    assert "next" not in rest.links
    one = (await api.get(f"{path}/2", "ana")).json()
    assert (one["message"], one["kind"], one["branch"]) == ("by config", "config", "main")
    missing = await api.get(f"{path}/9", "ana")
    assert missing.status_code == 404
    for bad in ("v2", "0", str(2**31)):
        assert (await api.get(f"{path}/{bad}", "ana")).status_code == 422
    for cursor in ("OTk5OTk5OTk5OQ", "YQ", "4", "_w"):  # 9999999999, a, and no base64 of text
        assert (await api.get(path, "ana", params={"cursor": cursor})).status_code == 422


async def test_an_app_goes_back_to_an_older_release(api: Any, deployed: Deployed) -> None:
    project = await api.app("hello", await api.person("ana"))
    for image in ("image", None, "image", "image"):
        await deployed(project, image=image)
    path = "/projects/hello/rollback"
    before = await api.post(path, "ana", headers={"Idempotency-Key": "a"})
    assert before.status_code == 202
    assert before.json()["message"] == "Rollback to v3"
    assert before.headers["Location"] == f"/deployments/{before.json()['id']}"
    again = await api.post(path, "ana", headers={"Idempotency-Key": "a"})
    assert (again.status_code, again.json()["id"]) == (200, before.json()["id"])
    named = await api.post(path, "ana", json={"release": 1})
    assert named.json()["message"] == "Rollback to v1"
    for release, status in {4: 409, 2: 409, 9: 404, 0: 422, 2**31: 422}.items():
        refused = await api.post(path, "ana", json={"release": release})
        assert refused.status_code == status
        assert refused.json()["hint"]
    slip = await api.post(path, "ana", json={"relase": 1})
    assert slip.status_code == 422
