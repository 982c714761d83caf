"""Config from a terminal: set, imported, undone, while requests go on."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
from daemon import Daemon, commit, docker_client, wait_until

HARD = """it's "so" $HOME é🙂\\n
second line"""
MANAGE = """\
# django: os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop")
import os
open("built.txt", "w").write(os.environ.get("FLAVOR", "plain"))
"""
"""Runs in the build, as collectstatic would."""
SHOP = 'STATIC_ROOT = "s"\nINSTALLED_APPS = ["django.contrib.staticfiles"]\n'


@contextmanager
def requests_going_on(server: Daemon, app: str) -> Iterator[list[str]]:
    """Yields a list of what failed."""
    failed: list[str] = []
    end = threading.Event()

    def ask() -> None:
        url = f"http://127.0.0.1:{server.http_port}/"
        with httpx.Client(headers={"Host": f"{app}.localhost"}, trust_env=False) as client:
            while not end.is_set():
                try:
                    answer = client.get(url, timeout=10)
                    if answer.status_code != 200:
                        failed.append(str(answer.status_code))
                except httpx.HTTPError as error:
                    failed.append(repr(error))
                time.sleep(0.005)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield failed
    finally:
        end.set()
        thread.join()


def env(server: Daemon, app: str, name: str) -> str:
    return server.get(app, f"/env/{name}").text


def web(server: Daemon, app: str) -> dict[str, object]:
    """The engine's view of the one container that is live."""
    (container,) = [each for each in server.containers(app) if each["State"] == "running"]
    return dict(docker_client().inspect_container(container["Id"]))


def settled(server: Daemon, app: str) -> None:
    """The old release has been drained and is gone."""
    wait_until(lambda: len(server.containers(app)) == 1, 20, "the old container is gone")


def test_variables_come_and_go_as_releases_of_one_image_and_no_request_is_lost(
    server: Daemon, admin, repo: Path
) -> None:
    assert admin.ssh("apps:create", "vars").code == 0
    early = admin.ssh("config:set", "vars", "EARLY=bird")
    assert "not deployed yet" in early.out
    pushed = admin.push(repo, "vars")
    assert pushed.code == 0, pushed.err
    assert env(server, "vars", "EARLY") == "bird"
    image = web(server, "vars")["Image"]

    with requests_going_on(server, "vars") as failed:
        done = admin.ssh("config:import", "vars", stdin=b"A='x y'\nB=2\nPORT=1\n")
        assert done.code == 0, done.err
        assert (env(server, "vars", "A"), env(server, "vars", "B")) == ("x y", "2")
        done = admin.ssh("config:set", "vars", "HARD", stdin=f"{HARD}\n".encode())
        assert done.code == 0, done.err
        assert env(server, "vars", "HARD") == HARD
        again = admin.ssh("config:set", "vars", "B=2")
        assert (again.code, "already" in again.out) == (0, True)
        sick = admin.ssh("config:set", "vars", "B=3", "PYTHONHOME=/nowhere")
        assert sick.code == 1
        assert sick.out.count("goes on serving; nothing was changed.") == 1
        assert "--no-restart" in sick.err
        assert (env(server, "vars", "B"), env(server, "vars", "PYTHONHOME")) == ("2", "")
        assert admin.ssh("config:keys", "vars").out.split() == ["A", "B", "EARLY", "HARD"]
        back = admin.ssh("rollback", "vars", "v2")
        assert back.code == 0, back.err
        assert (env(server, "vars", "A"), env(server, "vars", "HARD")) == ("x y", "")
        assert admin.ssh("config:keys", "vars").out.split() == ["A", "B", "EARLY"]
    assert failed == []
    settled(server, "vars")
    assert web(server, "vars")["Image"] == image
    (app,) = [each for each in json.loads(admin.ssh("apps:list", "--json").out)
              if each["name"] == "vars"]  # fmt: skip
    assert app["release"] == 4


def test_a_variable_of_the_build_builds_again_and_only_that(
    server: Daemon, admin, repo: Path
) -> None:
    app = (repo / "app.py").read_text()
    app = app.replace('else "hello"', 'else open("built.txt").read()')
    commit(repo, {"app.py": app, "manage.py": MANAGE, "shop.py": SHOP})
    assert admin.push(repo, "flavors").code == 0
    assert server.get("flavors").text == "plain"
    done = admin.ssh("config:set", "flavors", "FLAVOR=mint", "--build")
    assert done.code == 0, done.err
    assert "-----> Buil" in done.out
    assert server.get("flavors").text == "mint"
    assert env(server, "flavors", "FLAVOR") == "mint"
    assert "-----> Buil" not in admin.ssh("config:set", "flavors", "OTHER=1").out
    assert server.get("flavors").text == "mint"


def test_changes_at_the_same_time_are_all_kept(server: Daemon, admin, repo: Path) -> None:
    assert admin.push(repo, "busy").code == 0
    commands = [
        ("config:set", "busy", "A=1"),
        ("config:set", "busy", "B=2"),
        ("config:set", "busy", "C=3", "--no-restart"),
    ]
    with ThreadPoolExecutor(len(commands)) as pool:
        done = list(pool.map(lambda words: admin.ssh(*words), commands))
    assert [each.code for each in done] == [0, 0, 0], done
    assert admin.ssh("config:keys", "busy").out.split() == ["A", "B", "C"]
    assert (env(server, "busy", "A"), env(server, "busy", "B")) == ("1", "2")
    assert admin.ssh("ps:restart", "busy").code == 0
    assert env(server, "busy", "C") == "3"
