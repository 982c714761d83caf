"""The nouns by the real `deployzero`, as a CI job has it: config, scale, run, logs, rollback."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import Daemon, wait_until

from .conftest import Answer, Person

PROGRAM = str(Path(sys.executable).with_name("deployzero"))
Line = Callable[..., Answer]


@pytest.fixture
def line(server: Daemon, admin: Person, tmp_path: Path) -> Line:
    key = admin.ssh("apikeys:create", "--name", "nouns", "--scope", "deploy").out.strip()
    environment = {
        **{name: each for name, each in os.environ.items() if not name.startswith("DEPLOYZERO_")},
        "DEPLOYZERO_SERVER": f"http://127.0.0.1:{server.api_port}",
        "DEPLOYZERO_API_KEY": key,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
    }

    def run(*words: str, stdin: bytes = b"", code: int = 0) -> Answer:
        done = subprocess.run(
            [PROGRAM, *words],
            env=environment, cwd=tmp_path, input=stdin, capture_output=True, timeout=60,
            check=False,
        )  # fmt: skip
        answer = Answer(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert answer.code == code, answer
        return answer

    return run


def test_what_a_person_does_with_a_live_app(
    server: Daemon, admin: Person, repo: Path, line: Line
) -> None:
    assert admin.push(repo, "nouns").code == 0

    done = line("config", "set", "GREETING", "-a", "nouns", stdin=b"good day\n")
    assert "=====> Live: " in done.out
    assert server.get("nouns", "/env/GREETING").text == "good day"

    line("scale", "web=2", "-a", "nouns")
    found = json.loads(line("ps", "nouns", "--json").out)["processes"]
    assert [(each["process"], each["index"]) for each in found] == [("web", 1), ("web", 2)]
    assert all(each["usage"]["memory_bytes"] > 1_000_000 for each in found)

    script = "import os, sys; d = sys.stdin.buffer.read(); print(len(d), os.environ['GREETING'])"
    script += "; print('oh', file=sys.stderr); sys.exit(42)"
    ran = line(
        "run", "-a", "nouns", "python", "-c", script, stdin=os.urandom(3_000_000), code=42
    )  # fmt: skip
    assert (ran.out, ran.err) == ("3000000 good day\n", "oh\n")

    server.get("nouns", "/from-a-test")
    wait_until(lambda: "request /from-a-test" in line("logs", "nouns").out, 10, "the line")
    assert "app[web." in line("logs", "nouns", "-p", "web", "-n", "5").out

    line("rollback", "v1", "-a", "nouns")
    assert server.get("nouns", "/env/GREETING").text == ""
    newest = json.loads(line("releases", "nouns", "--json", "-n", "1").out)[0]
    assert (newest["release"], newest["live"]) == (3, True)

    refused = line("run", "-a", "nuns", "ls", code=1)
    assert "there is no app nuns" in refused.err
    assert "Did you mean nouns?" in refused.err
    assert "only" not in line("destroy", "nouns", "--confirm", "nouns", code=1).out  # its scope
    assert server.get("nouns").status_code == 200
