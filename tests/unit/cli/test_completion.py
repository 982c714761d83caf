"""Shells complete commands, options and apps' names, quickly and quietly."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from deployzero.cli import main

RELEASES = (
    b'[{"release": 3, "live": true, "kept": true}, {"release": 2, "live": false, "kept": true},'
    b' {"release": 1, "live": false, "kept": false}]'
)
PROJECTS = b'[{"project_name": "hello"}, {"project_name": "help"}, {"project_name": "other"}]'
COMPLETE = """\
source {script}
COMP_WORDS=({words} '')
COMP_CWORD={last}
COMP_WORDS[COMP_CWORD]={begun}
_deployzero_completion deployzero
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(RELEASES if "/hello/releases" in self.path else PROJECTS)

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


def bash(folder: Path, server: str, words: str, begun: str) -> "subprocess.CompletedProcess[str]":
    """What bash offers behind these words."""
    script = folder / "script"
    script.write_text(CliRunner().invoke(main, ["completion", "bash"]).stdout)
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DEPLOYZERO_SERVER": server,
        "DEPLOYZERO_API_KEY": "dz_key",
        "XDG_CONFIG_HOME": str(folder),
    }
    lines = COMPLETE.format(script=script, words=words, last=len(words.split()), begun=begun)
    return subprocess.run(
        ["bash", "-c", lines], env=env, capture_output=True, text=True, timeout=20, check=False
    )


def test_bash_completes_commands_and_the_names_of_apps(tmp_path: Path, server: str) -> None:
    found = bash(tmp_path, server, "deployzero", "rel")
    assert (found.stdout.split(), found.stderr) == (["releases"], "")
    assert bash(tmp_path, server, "deployzero logs", "hel").stdout.split() == ["hello", "help"]
    assert bash(tmp_path, server, "deployzero config set -a", "o").stdout.split() == ["other"]


def test_bash_completes_the_releases_to_go_back_to(tmp_path: Path, server: str) -> None:
    assert bash(tmp_path, server, "deployzero rollback hello", "").stdout.split() == ["v2"]
    assert bash(tmp_path, server, "deployzero rollback -a hello", "v").stdout.split() == ["v2"]
    assert bash(tmp_path, server, "deployzero rollback", "hel").stdout.split() == ["hello", "help"]


def test_a_server_that_is_away_says_nothing(tmp_path: Path) -> None:
    found = bash(tmp_path, "http://127.0.0.1:1", "deployzero logs", "")
    assert (found.stdout.strip(), found.stderr) == ("", "")


@pytest.mark.parametrize(
    ("shell", "part"), [("zsh", "compdef"), ("fish", "complete --no-files --command deployzero")]
)
def test_other_shells_have_a_script_too(shell: str, part: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0
    assert part in done.stdout
    assert "_DEPLOYZERO_COMPLETE" in done.stdout


def test_the_list_of_commands_loads_none_of_them() -> None:
    code = (
        "import os, sys\n"
        "from deployzero.cli import main\n"
        "os.environ.update(COMP_WORDS='deployzero ', COMP_CWORD='1',"
        " _DEPLOYZERO_COMPLETE='bash_complete')\n"
        "try: main(prog_name='deployzero')\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if 'httpx' in name or 'asyncssh' in name][:3])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    assert "plain,releases" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
