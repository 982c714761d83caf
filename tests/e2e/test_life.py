"""After the push: what dies is restarted, what is ill shows, what is old goes, down is down."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import apps
import httpx
import pytest
from daemon import QUICK, Daemon, commit, docker_client, head, repository, wait_until

MakeRepo = Callable[[dict[str, str]], Path]
ILL = "ILL = []\ndef fall_ill(*_):\n    ILL.append(1)\nsignal.signal(signal.SIGUSR1, fall_ill)\n"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    server = Daemon(tmp_path_factory.mktemp("life"), {"DEPLOYZERO_KEEP_RELEASES": "2"}, QUICK)
    server.start()
    yield server
    server.down()


def app_tags(daemon: Daemon, app: str) -> list[str]:
    tags = [tag for image in docker_client().images() for tag in image["RepoTags"] or []]
    return [tag for tag in tags if tag.startswith(f"deployzero-{daemon.instance}/{app}:")]


def health(daemon: Daemon, app: str) -> list[str]:
    told = json.loads(daemon.ssh("ps", app, "--json").stdout)
    return [process["health"] for process in told["processes"]]


def test_a_live_app_that_dies_is_restarted(daemon: Daemon, repo: MakeRepo) -> None:
    assert daemon.push(repo(apps.script("alive")), "dies").returncode == 0
    (container,) = daemon.containers("dies")

    def settled() -> bool:
        found = docker_client().inspect_container(container["Id"])
        return bool(found["HostConfig"]["RestartPolicy"]["Name"] == "always")

    wait_until(settled, 10, "the restart policy of a live container")
    os.kill(docker_client().inspect_container(container["Id"])["State"]["Pid"], signal.SIGKILL)
    wait_until(lambda: daemon.get("dies").status_code == 200, 20, "the app is back")
    assert docker_client().inspect_container(container["Id"])["RestartCount"] == 1


def test_an_app_that_stays_unhealthy_shows_as_that(daemon: Daemon, repo: MakeRepo) -> None:
    files = apps.script("well", before=ILL)
    files["main.py"] = files["main.py"].replace("status = 500 if", "status = 500 if ILL or")
    files["app.json"] = '{"healthchecks": {"web": [{"path": "/"}]}}'  # looked at each time
    assert daemon.push(repo(files), "ill").returncode == 0
    wait_until(lambda: health(daemon, "ill") == ["healthy"], 20, "the watch has seen it")
    (container,) = daemon.containers("ill")
    docker_client().kill(container["Id"], "SIGUSR1")
    wait_until(lambda: daemon.get("ill").status_code == 500, 10, "the app is ill")
    wait_until(lambda: health(daemon, "ill") == ["unhealthy"], 40, "the watch tells")


def test_releases_beyond_the_kept_lose_containers_and_images(
    daemon: Daemon, repo: MakeRepo
) -> None:
    folder = repo(apps.script("release 1"))
    for number in range(1, 5):
        commit(folder, apps.script(f"release {number}"))
        assert daemon.push(folder, "old").returncode == 0
    wait_until(lambda: len(app_tags(daemon, "old")) == 2, 30, "old images are gone")
    wait_until(lambda: len(daemon.containers("old")) == 1, 30, "old containers are gone")


def test_the_release_command_runs_before_the_switch(daemon: Daemon, repo: MakeRepo) -> None:
    files = {**apps.script("released"), "Procfile": "web: python main.py\nrelease: echo migrated\n"}
    pushed = daemon.push(repo(files), "released")
    assert pushed.returncode == 0, pushed.stderr
    printed = pushed.stderr
    assert printed.index("migrated") < printed.index("switching traffic")
    assert len(daemon.containers("released")) == 1


def test_formation_scales_and_other_processes_wait_until_asked(
    daemon: Daemon, repo: MakeRepo
) -> None:
    folder = repo(
        {
            **apps.script("scaled"),
            "Procfile": "web: python main.py\nworker: sleep 1000\nclock: sleep 1000\n",
            "app.json": '{"formation": {"web": {"quantity": 2}, "worker": {"quantity": 1}}}',
        }
    )
    pushed = daemon.push(folder, "scaled")
    assert pushed.returncode == 0, pushed.stderr
    running = sorted(c["Labels"]["deployzero.process"] for c in daemon.containers("scaled"))
    assert running == ["web", "web", "worker"]


def test_an_app_without_a_web_process_has_no_url_and_answers_503(
    daemon: Daemon, repo: MakeRepo
) -> None:
    procfile = {"Procfile": "web: python main.py\nworker: sleep 1000\n"}
    folder = repo({**apps.script("web first"), **procfile})
    assert daemon.push(folder, "webless").returncode == 0
    commit(
        folder,
        {"app.json": '{"formation": {"web": {"quantity": 0}, "worker": {"quantity": 1}}}'},
    )
    pushed = daemon.push(folder, "webless")
    assert pushed.returncode == 0, pushed.stderr
    assert "Live: no web process runs" in pushed.stderr
    assert daemon.get("webless").status_code == 503


def test_an_app_that_is_down_advertises_nothing_and_takes_a_rewritten_history(
    daemon: Daemon, repo: MakeRepo, tmp_path: Path
) -> None:
    assert daemon.push(repo(apps.script("first")), "fallen").returncode == 0
    (container,) = daemon.containers("fallen")
    docker_client().update_container(container["Id"], restart_policy={"Name": "no"})
    docker_client().kill(container["Id"])
    wait_until(lambda: daemon.ls_remote("fallen") == {}, 20, "nothing is advertised")
    rewritten = repository(tmp_path / "rewritten", apps.script("rewritten"))
    pushed = daemon.push(rewritten, "fallen")
    assert pushed.returncode == 0, pushed.stderr
    assert daemon.get("fallen").text == "rewritten"


def test_healthz_tells_what_is_well(daemon: Daemon) -> None:
    direct = httpx.get(f"http://127.0.0.1:{daemon.api_port}/healthz", trust_env=False)
    routed = daemon.get("api", "/healthz")
    assert direct.status_code == routed.status_code == 200
    assert direct.json() == {"database": "ok", "engine": "ok", "proxy": "ok"}


def test_a_nearly_full_disk_is_refused_before_the_build(tmp_path: Path) -> None:
    server = Daemon(tmp_path / "full", {"DEPLOYZERO_MIN_FREE_DISK": "900000g"})
    server.start()
    try:
        pushed = server.push(repository(tmp_path / "repo", apps.script()), "full")
        assert pushed.returncode == 1
        assert "disk is nearly full" in pushed.stderr
        assert "Building" not in pushed.stderr
    finally:
        server.down()


def test_stopping_the_server_in_the_middle_of_a_push_tells_the_client(
    daemon: Daemon, tmp_path: Path
) -> None:
    folder = repository(tmp_path / "repo", apps.script("old"))
    assert daemon.push(folder, "stopped").returncode == 0
    commit(folder, apps.script("new", before="time.sleep(5)"))
    client = subprocess.Popen(
        ["git", "push", daemon.remote("stopped"), "main"],
        cwd=folder, env=daemon.git_environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: len(daemon.containers("stopped")) == 2, 60, "the new release boots")
    assert daemon.stop() == 0
    _, printed = client.communicate(timeout=30)
    assert client.returncode == 1
    assert "stopped before this was live" in printed
    assert daemon.get("stopped").text == "old"
    assert len(daemon.containers("stopped")) == 1
    daemon.start()
    again = daemon.push(folder, "stopped")
    assert again.returncode == 0, again.stderr
    assert daemon.ls_remote("stopped")["refs/heads/main"] == head(folder)


def test_down_ends_proxy_and_apps_and_up_brings_them_back(tmp_path: Path) -> None:
    server = Daemon(tmp_path / "downed")
    server.start()
    try:
        assert (
            server.push(repository(tmp_path / "repo", apps.script("back")), "back").returncode == 0
        )
        down = subprocess.run(
            [sys.executable, "-m", "deployzero", "down", "--apps"],
            env=server.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert down.returncode == 0, down.stdout + down.stderr
        assert server.process is not None
        assert server.process.wait(10) == 0
        server.process = None
        assert [c["State"] for c in server.containers("back")] == ["exited"]
        with pytest.raises(httpx.ConnectError):
            server.get("back")
        server.start()
        wait_until(lambda: server.get("back").text == "back", 20, "the app is back")
    finally:
        server.down()


def test_a_second_server_on_the_same_data_is_refused(daemon: Daemon) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "deployzero", "up"],
        env=daemon.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert "another deployzero runs" in second.stderr
