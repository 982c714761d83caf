"""The real daemon, with one addition: at a point named by PAUSE_AT it touches the file
PAUSE_FILE and stands still, so that a test can kill it there and nowhere else."""

import os
import sys
import time
from pathlib import Path
from typing import Any

POINT = os.environ["PAUSE_AT"]
REACHED = Path(os.environ["PAUSE_FILE"])


def stand_still() -> None:
    REACHED.touch()
    time.sleep(600)


def pause_at_stage() -> None:
    from deployzero.deploy.progress import Progress

    enter = Progress.enter

    def paused(self: Progress, stage: str | None) -> None:
        enter(self, stage)
        if stage == POINT:
            stand_still()

    Progress.enter = paused  # type: ignore[method-assign]


def pause_before(owner: Any, name: str) -> None:
    def paused(*_: object, **__: object) -> None:
        stand_still()

    setattr(owner, name, paused)


def pause_after_commit(deployments: Any, repositories: Any) -> None:
    """Reconcile sets branches too: only the push's own, after its commit, stands still."""
    commit_live = deployments.commit_live

    async def committed(*args: Any) -> Any:
        live = await commit_live(*args)
        pause_before(repositories, "set_branch")
        return live

    deployments.commit_live = committed


def install() -> None:
    from deployzero.deploy import deployment_manager
    from deployzero.operations import pushes
    from deployzero.source import checkout
    from deployzero.source.incoming import Incoming
    from deployzero.source.repository import Repositories
    from deployzero.store import deployments

    points = {
        "receive": lambda: pause_before(Incoming, "admit"),
        "checkout": lambda: pause_before(checkout, "_write"),
        "queue": lambda: pause_before(pushes.deployments, "create"),
        "commit": lambda: pause_before(deployments, "commit_live"),
        "ref": lambda: pause_after_commit(deployments, Repositories),
        "retire": lambda: pause_before(deployment_manager, "retire_release"),
    }
    points.get(POINT, pause_at_stage)()


if __name__ == "__main__":
    install()
    from deployzero.cli import main

    sys.argv = ["deployzero", "up"]
    main()
