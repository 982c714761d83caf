"""What only an engine shows of the API's nouns: runs behind your back, a new name, the end."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from daemon import Daemon

from .conftest import Person

LIMIT = 60.0


def until(look: Callable[[], Any], what: str) -> Any:
    """What `look` gives once it gives something."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(what)


def test_run_measure_rename_and_destroy(
    server: Daemon, new_person: Callable[[str], Person], repo: Path
) -> None:
    person = new_person("nora")
    assert person.push(repo, "nouns-http").code == 0
    key = person.ssh("apikeys:create", "--scope", "admin").out.strip()
    with httpx.Client(
        base_url=f"http://127.0.0.1:{server.api_port}", headers={"X-API-Key": key},
        timeout=LIMIT, trust_env=False,
    ) as api:  # fmt: skip
        path = "/projects/nouns-http"
        started = api.post(f"{path}/runs", json={"command": ["sh", "-c", "echo ran; sleep 60"]})
        assert started.status_code == 201
        name = started.json()["name"]
        (run,) = api.get(f"{path}/runs").json()
        assert (run["name"], run["user"], run["detached"]) == (name, "nora", True)
        until(lambda: "ran" in api.get(f"{path}/logs", params={"process": name}).text, "no log")
        assert api.delete(f"{path}/runs/{name}").status_code == 204
        assert api.get(f"{path}/runs").json() == []

        (web,) = api.get(f"{path}/processes", params={"usage": True}).json()["processes"]
        assert (web["status"], web["health"], web["restarts"]) == ("running", "healthy", 0)
        assert web["usage"]["memory_bytes"] > 1 << 20
        (checked,) = api.post(f"{path}/checks/run").json()
        assert checked["passed"] is True

        renamed = api.patch(path, json={"project_name": "nouns-new"})
        assert renamed.status_code == 202
        at = renamed.headers["Location"]
        until(lambda: api.get(at).json()["state"] == "live", "the rename does not go live")
        assert server.get("nouns-new").text == "hello"

        gone = api.delete("/projects/nouns-new", params={"confirm": "nouns-new"})
        assert gone.status_code == 204
        assert api.get("/projects/nouns-new").status_code == 404
        assert server.get("nouns-new").status_code == 404
