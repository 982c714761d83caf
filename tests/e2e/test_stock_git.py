"""The hook as a file of a repository that stock git serves."""

import os
import subprocess
import sys
from pathlib import Path

import apps
from daemon import Daemon, commit, head, repository

HOOK = Path(__file__).parents[2] / "hooks" / "post_receive.py"


def test_a_push_to_a_repository_of_stock_git_deploys(daemon: Daemon, tmp_path: Path) -> None:
    bare = tmp_path / "stock.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(bare)], check=True)
    (bare / "hooks" / "post-receive").symlink_to(HOOK)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**daemon.environment, "PATH": path}
    folder = repository(tmp_path / "work", apps.script("by stock git"))
    for body in ("by stock git", "and again"):
        commit(folder, apps.script(body))
        pushed = subprocess.run(
            ["git", "push", str(bare), "main"],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert "=====> Live:" in pushed.stderr, pushed.stderr
        assert daemon.get("stock").text == body
    assert daemon.ls_remote("stock")["refs/heads/main"] == head(folder)
