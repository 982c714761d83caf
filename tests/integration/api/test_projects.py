"""/projects: what there is, changed and destroyed."""

from collections.abc import Awaitable, Callable
from typing import Any

from deployzero.models.access import Role

Deployed = Callable[..., Awaitable[Any]]


async def test_a_new_project_is_yours_and_has_nothing_deployed(api: Any) -> None:
    await api.person("ana")
    answer = await api.post("/projects", "ana", json={"project_name": "hello"})
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/projects/hello"
    told = answer.json()
    assert told["owner"] == "ana"
    assert told["url"] == "http://hello.localhost:8080"
    assert told["git_remote"] == "ssh://deployzero@localhost:1/hello"
    assert (told["release"], told["live"], told["processes"]) == (None, None, [])
    assert (await api.get("/projects/hello", "ana")).json() == told
    assert (await api.get(f"/projects/{told['id']}", "ana")).json() == told


async def test_a_project_tells_what_is_live(api: Any, deployed: Deployed) -> None:
    project = await api.app("hello", await api.person("ana"))
    live = await deployed(project)
    told = (await api.get("/projects/hello", "ana")).json()
    assert told["release"] == 1
    assert told["live"]["id"] == live.id
    assert told["live"]["state"] == "live"
    assert told["processes"] == [{"process": "web", "index": 1, "health": "healthy"}]


async def test_a_first_request_by_hand_is_helped(api: Any) -> None:
    await api.person("ana")
    body = b'{"project_name": "hello"}'
    for kind in ({}, {"Content-Type": "application/x-www-form-urlencoded"}):
        answer = await api.post("/projects", "ana", content=body, headers=kind)
        assert answer.status_code == 422
        assert "Content-Type: application/json" in answer.json()["hint"]
    assert "/docs lists every path" in (await api.get("/project", "ana")).json()["hint"]
    answer = await api.post("/projects", "ana", json={"project_name": "my_app"})
    assert answer.json()["detail"] == "bad app name 'my_app': only a-z, 0-9 and '-' are allowed"
    assert "begins and ends with a letter or digit" in answer.json()["hint"]


async def test_names_are_refused_with_a_hint(api: Any) -> None:
    await api.app("taken", await api.person("ana"))
    bad = dict.fromkeys(("api", "-a", "A", "", "a" * 51, "a\n", "17"), 422)
    for name, status in {"taken": 409, **bad}.items():
        answer = await api.post("/projects", "root", json={"project_name": name})
        assert answer.status_code == status, name
        assert answer.json()["hint"]
    assert (await api.post("/projects", "root", content=b"{")).status_code == 422
    # Without a Content-Type, as another site's page may send it.
    untyped = await api.post("/projects", "root", content=b'{"project_name": "fine"}')
    assert untyped.status_code == 422


async def test_a_name_of_digits_captures_no_request_for_an_id(api: Any) -> None:
    ana, bob = await api.person("ana"), await api.person("bob")
    hers = await api.app("hers", ana)
    await api.app(str(hers.id), bob, ana=Role.DEPLOYER)  # from before such names were refused
    assert (await api.get(f"/projects/{hers.id}", "ana")).json()["project_name"] == "hers"
    assert (await api.get(f"/projects/{hers.id}", "bob")).json()["owner"] == "bob"
    new = {"name": "ci", "scope": "deploy", "project": str(hers.id)}
    made = await api.post("/auth/keys", "ana", json=new)
    assert made.json()["key"]["project_name"] == "hers"
    renamed = await api.request("PATCH", "/projects/hers", "ana", json={"project_name": "123"})
    assert (renamed.status_code, renamed.json()["hint"]) == (422, "Put a letter into it.")


async def test_a_project_is_locked_and_its_branch_set(api: Any) -> None:
    await api.app("hello", await api.person("ana"))
    path = "/projects/hello"
    changed = await api.request(
        "PATCH", path, "ana", json={"locked": True, "deploy_branch": "release"}
    )
    assert changed.status_code == 200
    assert changed.json()["locked_by"] == "ana"
    assert changed.json()["deploy_branch"] == "release"
    again = await api.request("PATCH", path, "ana", json={"locked": True})
    assert again.status_code == 409
    bad = await api.request("PATCH", path, "ana", json={"deploy_branch": "a..b"})
    assert bad.status_code == 422
    free = await api.request("PATCH", path, "ana", json={"locked": False})
    assert free.json()["locked_by"] is None
    nothing = await api.request("PATCH", path, "ana", json={})
    assert nothing.json() == free.json()


async def test_what_runs_is_renamed_by_a_deployment(api: Any, deployed: Deployed) -> None:
    ana = await api.person("ana")
    await api.app("idle", ana)
    await deployed(await api.app("hello", ana))
    idle = await api.request("PATCH", "/projects/idle", "ana", json={"project_name": "rest"})
    assert (idle.status_code, idle.json()["project_name"]) == (200, "rest")
    runs = await api.request("PATCH", "/projects/hello", "ana", json={"project_name": "hi"})
    assert (runs.status_code, runs.json()["project_name"]) == (202, "hi")
    assert runs.headers["Location"].startswith("/deployments/")
    taken = await api.request("PATCH", "/projects/rest", "ana", json={"project_name": "hi"})
    assert taken.status_code == 409


async def test_a_project_is_destroyed_once_its_name_is_confirmed(api: Any) -> None:
    project = await api.app("hello", await api.person("ana"))
    for confirm in ({}, {"confirm": "helo"}, {"confirm": str(project.id)}):
        answer = await api.request("DELETE", f"/projects/{project.id}", "ana", params=confirm)
        assert answer.status_code == 422
        assert "?confirm=hello" in answer.json()["hint"]
    assert (await api.get("/projects/hello", "ana")).status_code == 200
    # There is no engine here: the rest of it goes once that is back, but nobody sees it any more.
    gone = await api.request("DELETE", "/projects/hello", "ana", params={"confirm": "hello"})
    assert gone.status_code == 503
    assert gone.json()["hint"]
    assert (await api.get("/projects/hello", "ana")).status_code == 404
