"""An app is made, moves to another name, and ends."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from daemon import Daemon, commit, docker_client, head, wait_until

CRASH = "import os, sys\nif os.environ.get('CRASH'): sys.exit(1)\n"
SLOW = "import time\ntime.sleep(60)\n"


class Requests:
    """Asks two hosts again and again, and keeps every status."""

    def __init__(self, server: Daemon, *apps: str) -> None:
        self.seen: dict[str, list[int]] = {app: [] for app in apps}
        self._server, self._over = server, threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(app,)) for app in apps]

    def __enter__(self) -> "Requests":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, app: str) -> None:
        while not self._over.wait(0.03):
            self.seen[app].append(self._server.get(app).status_code)


def left_of(server: Daemon, app: str) -> list[str]:
    """What the engine, the proxy and the disk still have under an app's name."""
    client, label = docker_client(), {"label": [f"deployzero.instance={server.instance}"]}
    tags = [tag for image in client.images(filters=label) for tag in image["RepoTags"] or []]
    found = [each["Names"][0] for each in server.containers(app)]
    found += [n["Name"] for n in client.networks(filters=label) if n["Name"].endswith(f".{app}")]
    found += [tag for tag in tags if f"/{app}:" in tag]
    found += [str(path) for path in server.data.glob(f"**/{app}.git")]
    return found + [str(path) for path in server.data.glob(f"**/{app}.yml")]


def test_a_live_app_moves_to_another_name_without_a_failed_request(
    server: Daemon, admin: Any, repo: Path
) -> None:
    assert admin.ssh("apps:create", "before").code == 0
    assert admin.push(repo, "before").code == 0
    with Requests(server, "before", "after") as requests:
        renamed = admin.ssh("apps:rename", "before", "after")
        assert renamed.code == 0, renamed
        assert "before is after now: http://after.localhost" in renamed.out
        assert server.get("after").status_code == 200
        assert server.get("before").status_code == 404
    for app, order in (("before", [200, 404]), ("after", [404, 200])):
        statuses = requests.seen[app]
        assert sorted(statuses, key=order.index) == statuses, app  # each turns once, nothing else
    assert [name for name in left_of(server, "before") if ":" not in name] == []
    assert server.ls_remote("after")["refs/heads/main"] == head(repo)
    commit(repo, {"more.txt": "more"})
    assert admin.push(repo, "after").code == 0
    assert "v2" in admin.ssh("releases", "after").out
    assert admin.ssh("apps:destroy", "after", stdin=b"after\n").code == 0
    assert left_of(server, "before") + left_of(server, "after") == []
    assert admin.push(repo, "before").code == 0  # free, and new
    assert "v1" in admin.ssh("apps:info", "before").out


def test_a_rename_whose_restart_fails_leaves_all_as_it_was(
    server: Daemon, admin: Any, repo: Path
) -> None:
    commit(repo, {"app.py": CRASH + (repo / "app.py").read_text()})
    assert admin.push(repo, "steady").code == 0
    assert admin.ssh("config:set", "steady", "CRASH=1", "--no-restart").code == 0
    with Requests(server, "steady") as requests:
        failed = admin.ssh("apps:rename", "steady", "moved")
    assert (failed.code, "steady keeps its name" in failed.out) == (1, True), failed
    assert set(requests.seen["steady"]) == {200}
    assert server.get("moved").status_code == 404
    assert left_of(server, "moved") == []
    assert admin.ssh("apps:create", "moved").code == 0
    for app in ("moved", "steady"):
        assert admin.ssh("apps:destroy", app, "--force").code == 0


def test_a_kill_in_the_middle_leaves_nothing_half_renamed_or_half_destroyed(
    server: Daemon, admin: Any, repo: Path
) -> None:
    for app in ("going", "staying"):
        assert admin.push(repo, app).code == 0
    server.kill()
    with closing(sqlite3.connect(server.data / "deployzero.db")) as rows, rows:
        rows.execute("update projects set destroying = 1 where name = 'going'")
        rows.execute(
            "insert into deployments (project_id, user_id, kind, state, branch, 'commit', forced,"
            " message, reason, checkout, timings, created_at)"
            " select id, user_id, 'restart', 'building', 'main', 'a', 0, '', '', '', '{}',"
            " created_at from projects where name = 'staying'"
        )
        rows.execute(
            "update projects set name = 'halfway', previous_name = 'staying',"
            " rename_id = (select max(id) from deployments) where name = 'staying'"
        )
    (server.data / "repositories/staying.git").rename(server.data / "repositories/halfway.git")
    server.start()
    assert left_of(server, "going") == []
    assert admin.ssh("apps:exists", "going").code == 1
    assert server.get("going").status_code == 404
    assert admin.ssh("apps:exists", "halfway").code == 1
    assert left_of(server, "halfway") == []
    assert server.get("staying").status_code == 200
    assert server.ls_remote("staying")["refs/heads/main"] == head(repo)
    wait_until(lambda: admin.ssh("apps:create", "halfway").code == 0, 20, "the name is free")
    for app in ("halfway", "staying"):
        assert admin.ssh("apps:destroy", app, "--force").code == 0


def test_a_push_to_an_app_that_is_destroyed_meanwhile_hears_of_it(
    server: Daemon, admin: Any, repo: Path
) -> None:
    commit(repo, {"app.py": SLOW})
    pushed: list[Any] = []
    push = threading.Thread(target=lambda: pushed.append(admin.push(repo, "slow")))
    push.start()
    wait_until(lambda: len(server.containers("slow")) == 1, 60, "it boots")
    destroyed = admin.ssh("apps:destroy", "slow", "--confirm", "slow")
    assert destroyed.code == 0, destroyed
    push.join()
    assert pushed[0].code == 1
    assert "! [remote rejected] main -> main (" in pushed[0].err
    assert "cancelled" in pushed[0].err or "destroyed" in pushed[0].err
    assert left_of(server, "slow") == []
