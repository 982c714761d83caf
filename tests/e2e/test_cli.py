"""The command line as a user meets it: its own process, words and exit codes."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apps
import pytest
from daemon import Daemon, repository, wait_until

PROGRAM = (sys.executable, "-m", "deployzero")
LIMIT = 60


def run(
    *arguments: str, cwd: Path | None = None, **settings: object
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("DEPLOYZERO_")}
    named = {f"DEPLOYZERO_{name}": str(value) for name, value in settings.items()}
    return subprocess.run(
        [*PROGRAM, *arguments], env={**clean, **named}, cwd=cwd,
        capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_doctor_tells_of_every_check(tmp_path: Path) -> None:
    server = Daemon(tmp_path / "server")
    ports = {"SSH_PORT": server.ssh_port, "HTTP_PORT": server.http_port}
    told = run(
        "doctor", "--json", DATA_DIR=server.data, API_PORT=server.api_port, **ports
    )  # fmt: skip
    findings = json.loads(told.stdout)
    assert {"check", "ok", "text", "hint", "needed"} <= set(findings[0])
    checks = [one["check"] for one in findings]
    assert set(checks) == {
        "programs", "proxy", "engine", "buildkit", "buildpacks", "disk", "build cache", "ports",
        "tls", "dns", "base images", "builds",
    }  # fmt: skip
    assert checks.count("ports") == 3
    assert checks.count("disk") == 2
    assert told.returncode == 0, [one for one in findings if not one["ok"]]


def test_detect_prints_the_plan_of_a_repository(tmp_path: Path) -> None:
    folder = repository(tmp_path / "repo", apps.FLASK)
    told = run("detect", str(folder))
    assert told.returncode == 0, told.stderr
    assert "-----> python app (flask)" in told.stdout.lower()
    plan = json.loads(run("detect", "--json", cwd=folder).stdout)
    assert plan["type"] == "python"
    assert plan["reasons"]
    assert "gunicorn" in plan["processes"]["web"]
    empty = repository(tmp_path / "empty", {"notes.xyz": ""})
    told = run("detect", str(empty))
    assert told.returncode == 1
    assert " !     " in told.stderr


@pytest.mark.parametrize("name", ["SSH_PORT", "HTTP_PORT"])
def test_a_taken_port_is_told_with_its_setting(tmp_path: Path, name: str) -> None:
    server = Daemon(tmp_path / "server")
    with taken_port() as port:
        environment = {**server.environment, f"DEPLOYZERO_{name}": str(port)}
        try:
            told = subprocess.run(
                [*PROGRAM, "up"], env=environment,
                capture_output=True, text=True, timeout=LIMIT, check=False,
            )  # fmt: skip
        finally:
            server.down()
    assert told.returncode == 1
    assert f"DEPLOYZERO_{name}" in told.stderr
    assert str(port) in told.stderr
    assert "Traceback" not in told.stderr


def test_an_unknown_setting_is_refused_by_name(tmp_path: Path) -> None:
    told = run("up", DATA_DIR=tmp_path / "data", SHH_PORT=2222)
    assert told.returncode == 1
    assert "unknown setting DEPLOYZERO_SHH_PORT" in told.stderr
    assert "DEPLOYZERO_SSH_PORT" in told.stderr
    assert not (tmp_path / "data").exists()


def test_the_demo_shows_the_samples_answer_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    server = Daemon(tmp_path / "server", program=(*PROGRAM, "up", "--demo"))
    try:
        server.start()
        wait_until(
            lambda: "Hello from deployzero!" in server.log.read_text(), 300, "the sample's answer"
        )
        assert server.get("hello").text.strip() == "Hello from deployzero!"
        assert server.process is not None
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0
        assert server.get("hello").status_code == 200  # what is live goes on serving
    finally:
        server.down()
    assert "answered 200" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()
