"""The post-receive hook: the one place where a push becomes a deployment."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dulwich.repo import Repo

from deployzero.errors import ConflictError, SourceError
from deployzero.hooks import post_receive
from deployzero.models.deployment import Outcome, User
from deployzero.models.push import Deployments

FILE = Path(post_receive.__file__)
ZERO = b"0" * 40


@pytest.fixture
def work(tmp_path):
    def git(*argv):
        return subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *argv],
            cwd=tmp_path / "work",
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    (tmp_path / "work").mkdir()
    git("init", "-q", "-b", "main")
    (tmp_path / "work/f").write_text("1")
    git("add", "-A")
    git("commit", "-q", "-m", "One\n\nMore")
    return git


@pytest.fixture
def make_hook(work, tmp_path):
    with ThreadPoolExecutor(1) as pool, Repo(str(tmp_path / "work")) as repo:

        def make(start):
            return post_receive.PostReceive(
                repo=repo,
                app="hello",
                user=User(1, "ada", "member"),
                branch="main",
                checkouts=tmp_path / "checkouts",
                start=start,
                pool=pool,
                started_at=time.monotonic(),
                timings={"receive": 0.5},
            )

        yield make


def test_file_is_executable_and_hands_over_with_gits_lines(tmp_path):
    assert os.access(FILE, os.X_OK)
    assert FILE.read_text().startswith("#!/usr/bin/env python3\n")
    (tmp_path / "deployzero").mkdir()
    script = (
        "import os, sys; os.execv = lambda *a: print(a[1][1:], sys.stdin.read(), end='');"
        f"import runpy; runpy.run_path({str(FILE)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=b"a b refs/heads/main\n", capture_output=True
    )
    assert done.stdout == b"['-m', 'deployzero', 'post-receive'] a b refs/heads/main\n"


async def test_deploys_what_the_deploy_branch_moved_to(make_hook, work):
    pushes = []

    async def start(push):
        pushes.append(push)
        return 7

    head = work("rev-parse", "HEAD").encode()
    hook = make_hook(start)
    assert await hook.execute([(ZERO, head, b"refs/heads/other")]) is None
    assert await hook.execute([(head, ZERO, b"refs/heads/main")]) is None
    assert await hook.execute([(ZERO, head, b"refs/heads/main")]) == 7
    assert pushes[0].message == "One"
    assert pushes[0].timings.keys() == {"receive", "checkout"}
    assert (Path(pushes[0].checkout) / "f").read_text() == "1"


async def test_nothing_is_left_when_the_deployment_does_not_begin(make_hook, work, tmp_path):
    async def start(push):
        raise ConflictError("fetch first")

    head = work("rev-parse", "HEAD").encode()
    with pytest.raises(ConflictError):
        await make_hook(start).execute([(ZERO, head, b"refs/heads/main")])
    assert list((tmp_path / "checkouts").iterdir()) == []


async def test_push_that_stock_git_received(make_hook, work):
    async def start(push):
        return 1

    async def follow(deployment):
        yield "-----> Building\x1b[2J"

    async def outcome(deployment):
        return Outcome(live=live, reason="")

    head = work("rev-parse", "HEAD")
    commands = post_receive.read_commands([f"{ZERO.decode()} {head} refs/heads/main\n".encode()])
    for live in (True, False):
        written = []
        rest = Deployments(None, None, start, follow, outcome)
        code = await post_receive.deploy_from_git(make_hook(start), commands, rest, written.append)
        assert code == (0 if live else 1)
        assert written == ["-----> Building"]
    with pytest.raises(SourceError):
        post_receive.read_commands([b"nonsense\n"])
