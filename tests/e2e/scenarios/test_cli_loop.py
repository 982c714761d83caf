"""The whole loop by the real `deployzero`: register, sign in, deploy, fail, mend, roll back."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from daemon import Daemon

from .conftest import FILES

PROGRAM = str(Path(sys.executable).with_name("deployzero"))
PASSWORD = "a few words are easy"


@dataclass
class CommandLine:
    """Somebody's, with a config file of their own."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("DEPLOYZERO_")}
        self.environment = {**clean, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home)}

    def __call__(self, *words, cwd=None, code=0):
        """What it printed, on standard output and standard error."""
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=cwd or self.home, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout, done.stderr

    def login(self, *words, approve):
        """What `deployzero login` printed last. approve: called with the page's address."""
        waiting = subprocess.Popen(
            [PROGRAM, "login", "--no-browser", *words],
            cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert waiting.stdout.readline().startswith("Your code is ")
            approve(waiting.stdout.readline().strip())
            out, err = waiting.communicate(timeout=30)
            assert waiting.returncode == 0, out + err
        finally:
            waiting.kill()
            waiting.communicate()
        return out


@pytest.fixture
def command_line(tmp_path):
    def make(name):
        home = tmp_path / f"home-{name}"
        home.mkdir()
        return CommandLine(home)

    return make


@pytest.fixture
def folder(tmp_path):
    """The small app, without git."""
    made = tmp_path / "Loop App"
    made.mkdir()
    for name, text in FILES.items():
        (made / name).write_text(text)
    return made


def api_url(server):
    return f"http://127.0.0.1:{server.api_port}"


def signed_in_over_ssh(server, line):
    line.environment["GIT_SSH_COMMAND"] = server.git_environment["GIT_SSH_COMMAND"]
    host = f"ssh://deployzero@127.0.0.1:{server.ssh_port}"
    out, _ = line("login", "--ssh", host, "--server", api_url(server), "--name", "loop")
    assert out == f"Signed in to {api_url(server)} as admin (admin)\n"


def register(admin, browser, name):
    """An account by an invitation; the browser is signed in to it by its password."""
    link = admin.ssh("users:invite", name).out.split()[0]
    account = {"username": name, "password": PASSWORD}
    invitation = httpx.URL(link).params["invitation"]
    made = browser.post("/auth/register", json={**account, "invitation": invitation})
    assert (made.status_code, made.json()["role"]) == (201, "member")
    assert send(browser, "/login", "/login", **account).status_code == 303


def send(browser, page, action, **fields):
    """The page's form of this address, with these fields typed in."""
    shown = browser.get(page)
    form = re.search(rf'<form[^>]*action="{action}".*?</form>', shown.text, re.DOTALL)
    assert form, shown.text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
    return browser.post(action, data=hidden | fields)


def signed_in_by_the_page(server, admin, line, name):
    with httpx.Client(base_url=api_url(server), timeout=30, trust_env=False) as browser:
        register(admin, browser, name)

        def approve(address):
            page = httpx.URL(address).raw_path.decode()
            answer = send(browser, page, "/auth/cli-login", decision="approve")
            assert answer.status_code == 200, answer.text

        out = line.login("--server", api_url(server), approve=approve)
    assert out == f"Signed in to {api_url(server)} as {name} (member)\n"


def says(folder, text):
    (folder / "app.py").write_text(FILES["app.py"].replace('"hello"', f'"{text}"'))


def test_deploy_fail_mend_and_roll_back(server, admin, command_line, folder):
    line = command_line("ana")
    signed_in_by_the_page(server, admin, line, "loop-ana")
    (folder / ".env").write_text("SECRET=1")
    says(folder, "one")
    try:
        out, err = line("deploy", str(folder))
        assert "Made the app loop-app" in err
        assert "linked to loop-app" in err
        assert ".env stays here" in err
        assert "Python app detected" in out
        assert "Live: http://loop-app.localhost" in out.splitlines()[-1]
        assert server.get("loop-app").text == "one"
        assert admin.ssh("run", "loop-app", "ls -A").out.split().count(".env") == 0

        (folder / "app.py").write_text("1/0")
        out, _ = line("deploy", cwd=folder, code=1)
        assert "ZeroDivisionError" in out
        assert server.get("loop-app").text == "one"
        out, _ = line("status", cwd=folder)
        assert "v1 since" in out
        assert "The last archive failed" in out

        says(folder, "two")
        out, _ = line("deploy", "--detach", "-m", "Two", cwd=folder)
        number = out.split()[2]
        out, _ = line("logs", "--deployment", number, "-t", cwd=folder)
        assert "Live: http://loop-app.localhost" in out
        assert server.get("loop-app").text == "two"
        assert "Two" in line("releases", cwd=folder)[0]

        line("rollback", cwd=folder)
        assert server.get("loop-app").text == "one"
    finally:
        admin.ssh("apps:destroy", "loop-app", "--force")
    assert "Signed out" in line("logout")[0]
    assert "you have not signed in" in line("whoami", code=1)[1]


def test_two_servers_do_not_see_each_other(server, admin, command_line, tmp_path):
    other = Daemon(tmp_path / "other")
    other.start()
    try:
        assert admin.ssh("apps:create", "only-here").code == 0
        key = json.loads(admin.ssh("apikeys:create", "--json").out)["api_key"]
        for each, status in ((server, 200), (other, 401)):
            answer = httpx.get(
                f"{api_url(each)}/projects/only-here", headers={"X-API-Key": key}, trust_env=False
            )
            assert answer.status_code == status
        line = command_line("two")
        signed_in_over_ssh(other, line)
        assert json.loads(line("apps", "--json")[0]) == []
    finally:
        other.down()
        admin.ssh("apps:destroy", "only-here", "--force")
