"""Whatever happens to engine and containers, a host name never answers with another app."""

import http.client
import json
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import docker
import pytest
from daemon import QUICK, Daemon, commit, docker_client, head, repository, wait_until
from engine import Engine, network_namespace
from python_image import SERVER, make_image, python

from deployzero.models.project import HealthCheck
from deployzero.runtime.container import ContainerSpec
from deployzero.runtime.docker_manager import DockerManager
from deployzero.runtime.health import wait_healthy
from deployzero.runtime.labels import instance_key

TAG = f"deployzero-test-engine:{os.getpid()}"
APPS = {"alpha": 1, "beta": 1, "gamma": 1, "delta": 2}
"""App to its number of web processes; each answers its own name."""
GUEST = "guest"
LIMIT = 30.0


def files(body: str, webs: int = 1) -> dict[str, str]:
    command = json.dumps(python(SERVER))
    return {
        "Dockerfile": f"FROM {TAG}\nENV BODY={body}\nEXPOSE 8000\nCMD {command}\n",
        "app.json": json.dumps({"formation": {"web": {"quantity": webs}}}),
    }


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with network_namespace():
        engine = Engine()
        try:
            engine.start()
            make_image(TAG, {})
            engine.load(TAG)
            docker_client().remove_image(TAG, force=True)
            yield engine
        finally:
            engine.close()


@pytest.fixture(scope="module")
def server(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Four apps are live; on each one's network is a guest that answers otherwise."""
    folder = tmp_path_factory.mktemp("engine-restart")
    server = Daemon(folder, {"DEPLOYZERO_DOCKER_HOST": engine.host})
    server.start()
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda app: go_live(engine, server, app), APPS))
        yield server
    finally:
        server.down()


def go_live(engine: Engine, server: Daemon, app: str) -> None:
    pushed = server.push(repository(server.folder / app, files(app, APPS[app])), app)
    assert pushed.returncode == 0, pushed.stderr
    start_guest(engine, server, app)


def start_guest(engine: Engine, server: Daemon, app: str) -> None:
    """A container that takes whatever address is free, as a linked database does."""
    client = engine.client()
    labels = [f"deployzero.instance={server.instance}", f"deployzero.app={app}"]
    (network,) = client.networks(filters={"label": labels})
    made = client.create_container(
        TAG, list(python(SERVER)), environment={"BODY": GUEST, "PORT": "8000"},
        host_config=client.create_host_config(
            network_mode=network["Name"], init=True, restart_policy={"Name": "always"}
        ),
        name=f"{GUEST}-{app}", labels=[GUEST],
    )  # fmt: skip
    client.start(made["Id"])


class Answers:
    """What each host name answered, asked without a pause: text, status or error."""

    def __init__(self, server: Daemon) -> None:
        self.seen: dict[str, Counter[str]] = {app: Counter() for app in APPS}
        self._server = server
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(app,)) for app in APPS]

    def __enter__(self) -> "Answers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def right(self, app: str) -> int:
        return self.seen[app][app]

    def wait_until_all_are_right(self) -> None:
        """Every app answers anew, and then ten times more."""
        before = {app: self.right(app) + 10 for app in APPS}
        for app, count in before.items():
            wait_until(
                lambda app=app, count=count: self.right(app) > count,
                LIMIT,
                f"{app} is back: {self.seen}",
            )

    def wrong(self) -> dict[str, int]:
        """Answers of something else under an app's name."""
        others = {*APPS, GUEST}
        found = {app: sum(seen[o] for o in others - {app}) for app, seen in self.seen.items()}
        unknown = {text for seen in self.seen.values() for text in seen} - others
        assert not {text for text in unknown if not text.startswith("!")}, self.seen
        return found

    def _ask(self, app: str) -> None:
        while not self._stop.is_set():
            self.seen[app][ask(self._server, app)] += 1
            time.sleep(0.005)


def ask(server: Daemon, app: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": f"{app}.localhost"})
        answer = connection.getresponse()
        text = answer.read().decode()
        return text if answer.status == 200 else f"!{answer.status}"
    except (OSError, http.client.HTTPException) as error:
        return f"!{type(error).__name__}"
    finally:
        connection.close()


NONE_WRONG = dict.fromkeys(APPS, 0)


def ours(engine: Engine, server: Daemon, app: str = "") -> list[dict[str, Any]]:
    label = f"deployzero.app={app}" if app else f"deployzero.instance={server.instance}"
    return engine.containers(label)


def started(engine: Engine, server: Daemon) -> dict[str, str]:
    """Container to when it was started: it tells a restart."""
    return {one["Name"]: one["State"]["StartedAt"] for one in ours(engine, server)}


def rules(server: Daemon) -> list[str]:
    """The server's firewall rules; others may come and go with their tests."""
    told = subprocess.run(["iptables", "-S"], check=True, capture_output=True, text=True).stdout
    chain = f"DEPLOYZERO-{instance_key(server.instance)}"
    return [line for line in told.splitlines() if chain in line]


@contextmanager
def all_restart(engine: Engine, server: Daemon) -> Iterator[Answers]:
    """Every container is restarted in the block; after it every app is back, none wrong."""
    before, guarded = started(engine, server), rules(server)
    assert len(before) == sum(APPS.values())
    assert guarded
    with Answers(server) as answers:
        answers.wait_until_all_are_right()
        yield answers
        answers.wait_until_all_are_right()
    assert answers.wrong() == NONE_WRONG
    after = started(engine, server)
    assert after.keys() == before.keys()
    assert not set(before.items()) & set(after.items())
    assert rules(server) == guarded


def test_the_engine_is_stopped_and_started(engine: Engine, server: Daemon) -> None:
    with all_restart(engine, server):
        engine.stop()
        engine.start()


def test_the_engine_is_killed_and_started(engine: Engine, server: Daemon) -> None:
    with all_restart(engine, server) as answers:
        engine.kill()
        answers.wait_until_all_are_right()  # without an engine the containers go on
        engine.start()


def test_engine_and_deployzero_are_down_at_once(engine: Engine, server: Daemon) -> None:
    with all_restart(engine, server):
        server.stop()
        engine.stop()
        engine.start()
        server.start()


def test_containers_are_started_in_the_reverse_order(engine: Engine, server: Daemon) -> None:
    """Guests first, so that one would get an app's address if that were free to take."""
    client = engine.client()
    ids = [one["Id"] for one in ours(engine, server) + engine.containers(GUEST)]
    with all_restart(engine, server):
        # Not by `stop`, whose wait for the exit has hung in an engine that had just been started.
        for one in ids:
            client.kill(one, "SIGTERM")
        for one in ids:
            wait_until(lambda one=one: not running(client, one), LIMIT, f"{one} has ended")
        for one in reversed(ids):
            client.start(one)


def running(client: docker.APIClient, container: str) -> bool:
    return bool(client.inspect_container(container)["State"]["Running"])


def test_a_push_without_an_engine_fails_clearly_and_works_once_it_is_back(
    engine: Engine, server: Daemon
) -> None:
    folder = server.folder / "alpha"
    live = head(folder)
    commit(folder, {"README": "changed"})
    engine.stop()
    pushed = server.push(folder, "alpha")
    assert_no_engine(pushed)
    assert set(server.ls_remote("alpha").values()) <= {live}  # none: it does not serve now
    engine.start()
    pushed = server.push(folder, "alpha")
    assert pushed.returncode == 0, pushed.stderr
    assert ask(server, "alpha") == "alpha"


def assert_no_engine(pushed: subprocess.CompletedProcess[str]) -> None:
    assert pushed.returncode == 1, pushed.stderr
    reason = pushed.stderr.partition("[remote rejected] main -> main (")[2]
    assert reason.startswith("the Docker Engine does not answer)"), pushed.stderr
    assert "deployzero doctor" in pushed.stderr


@pytest.fixture(scope="module")
def quick(server: Daemon) -> Daemon:
    server.stop()
    server.program = QUICK
    server.environment |= {"DEPLOYZERO_STOP_GRACE": "1", "DEPLOYZERO_DRAIN_SECONDS": "1"}
    server.start()
    return server


def test_an_engine_that_dies_during_a_boot_leaves_the_old_release(
    engine: Engine, quick: Daemon
) -> None:
    folder = quick.folder / "beta"
    live = head(folder)
    idle = json.dumps(python("import time; time.sleep(60)"))
    commit(folder, {"Dockerfile": f"FROM {TAG}\nCMD {idle}\n"})
    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(quick.push, folder, "beta")
        wait_until(lambda: len(ours(engine, quick, "beta")) == 2, LIMIT, "the app boots")
        engine.kill()
        assert_no_engine(pushing.result(LIMIT))
    assert ask(quick, "beta") == "beta"
    engine.start()
    wait_until(lambda: ask(quick, "beta") == "beta", LIMIT, "the old release is back")
    wait_until(lambda: quick.ls_remote("beta").get("refs/heads/main") == live, LIMIT, "it is live")
    wait_until(lambda: len(ours(engine, quick, "beta")) == 1, LIMIT, "nothing else is left")
    commit(folder, files("beta"))
    pushed = quick.push(folder, "beta")
    assert pushed.returncode == 0, pushed.stderr


def test_what_the_engine_does_not_restart_deployzero_does(engine: Engine, quick: Daemon) -> None:
    client = engine.client()
    removed, *_ = ours(engine, quick, "gamma")
    stopped, unsettled = ours(engine, quick, "delta")
    client.remove_container(removed["Id"], force=True)
    client.stop(stopped["Id"])
    client.update_container(unsettled["Id"], restart_policy={"Name": "no"})
    wait_until(lambda: ask(quick, "gamma") == "gamma", LIMIT, "the removed one is back")

    def mended() -> bool:
        found = ours(engine, quick, "gamma") + ours(engine, quick, "delta")
        policies = {one["HostConfig"]["RestartPolicy"]["Name"] for one in found}
        return policies == {"always"} and all(one["State"]["Running"] for one in found)

    wait_until(mended, LIMIT, "all three run and are settled")


async def test_published_ports_stay_with_their_app_and_what_was_stopped_stays_down(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployzero.runtime.docker_networks.is_local", lambda _: False)
    runtime = DockerManager(engine.host, "test-published")
    try:
        names, targets = [], []
        for app in ("one", "two", "three"):
            await runtime.ensure_network(app)
            spec = ContainerSpec(
                app, 1, "web", 1, TAG, 8000, "127.0.0.1", python(SERVER), environment={"BODY": app}
            )
            names.append(await runtime.start(spec))
            targets.append(await runtime.reach(names[-1], "", 8000))
            await runtime.settle(names[-1], 1)
        await runtime.stop(names.pop(), 5)
        engine.kill()
        engine.start()
        assert [await runtime.reach(name, "", 8000) for name in names] == targets[:2]
        for app, target in zip(("one", "two"), targets, strict=False):
            check = HealthCheck(path="/", content=app)
            name = names[0] if app == "one" else names[1]
            await wait_healthy(runtime, name, target, port=8000, checks=(check,), timeout=LIMIT)
        status = await runtime.status(names[0])
        assert status is not None
        assert status.settled
        listed = {one.app: one.running for one in await runtime.list_containers()}
        assert listed == {"one": True, "two": True, "three": False}
    finally:
        runtime.close()
