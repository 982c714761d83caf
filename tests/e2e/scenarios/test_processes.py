"""An app's processes are limited, looked at, and scaled by several people at once."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

from daemon import Daemon, docker_client, wait_until


def test_limits_hold_on_the_engine_and_show(server: Daemon, admin: Any, repo: Path) -> None:
    assert admin.push(repo, "limited").code == 0
    done = admin.ssh("resource:limit", "limited", "--memory", "128m", "--cpus", "0.25")
    assert done.code == 0, done
    assert server.get("limited").status_code == 200
    (process,) = json.loads(admin.ssh("ps:inspect", "limited").out)
    host = docker_client().inspect_container(process["name"])["HostConfig"]
    assert host["Memory"] == process["engine"]["memory_bytes"] == 128 << 20
    assert admin.ssh("resource:report", "limited").out.splitlines()[1].split() == [
        "web", "128m", "0.25"
    ]  # fmt: skip
    line = admin.ssh("ps", "limited").out.splitlines()[2].split()
    assert (line[0], line[1], line[-3:-1]) == ("web.1", "healthy", ["128m", "0.25"])
    # On a terminal, with a slip of the finger.
    terminal = [*admin.ssh_command("-tt"), "apps:destroy", "limited"]
    done = subprocess.run(
        terminal, input=b"limitex\x7fd\r", capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, b"limited is destroyed\r\n" in done.stdout) == (0, True), done


def test_scaled_and_destroyed_at_once_an_app_is_gone_and_everybody_hears_why(
    server: Daemon, admin: Any, repo: Path
) -> None:
    assert admin.push(repo, "contested").code == 0
    answers: list[Any] = []

    def scale(count: int) -> None:
        answers.append(admin.ssh("ps:scale", "contested", f"web={count}"))

    threads = [threading.Thread(target=scale, args=(count,)) for count in (3, 1, 2, 4)]
    for thread in threads:
        thread.start()
    destroyed = admin.ssh("apps:destroy", "contested", "--force")
    for thread in threads:
        thread.join()
    assert destroyed.code == 0, destroyed
    for each in answers:
        told = each.out + each.err
        assert each.code == 0 or "cancelled" in told or "there is no app contested" in told, each
    assert server.containers("contested") == []
    # The proxy follows its files in moments; a route that a late scale wrote would stay.
    wait_until(lambda: server.get("contested").status_code == 404, 20, "the route to go")
    assert "there is no app contested" in admin.ssh("ps", "contested").err
