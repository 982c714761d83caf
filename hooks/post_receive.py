#!/usr/bin/env python3
"""The post-receive hook: checks the pushed commit out and starts its deployment.

It runs in every push, in-process, as the post-receive hook of the app's dulwich repository;
without it nothing deploys. The same file, linked as `hooks/post-receive` of a repository that
stock git serves, hands the push to the running deployzero by `deployzero post-receive`.
"""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.hooks import Hook
from dulwich.repo import Repo

from deployzero.errors import DeployZeroException, SourceError
from deployzero.models.deployment import Push, User
from deployzero.models.push import Deployments, StartDeployment
from deployzero.source.checkout import checkout, checkout_folder
from deployzero.source.lines import error_lines, printable
from deployzero.source.repository import branch_ref, is_ancestor
from deployzero.source.tree import commit_of

ZERO = b"0" * 40
LONGEST_MESSAGE = 200
Command = tuple[bytes, bytes, bytes]
"""Old id, new id, full ref name."""


@dataclass(slots=True)
class PostReceive(Hook):
    """dulwich's post-receive hook of one push. `execute` is a coroutine: it waits, we do not."""

    repo: Repo
    app: str
    user: User
    branch: str
    checkouts: Path
    start: StartDeployment
    pool: Executor
    started_at: float = field(default_factory=time.monotonic)
    timings: dict[str, float] = field(default_factory=dict)

    async def execute(self, client_refs: Sequence[Command]) -> int | None:
        """Deploy what the deploy branch was moved to; returns the deployment's id.

        None: no command was for the deploy branch. Raises SourceError for a tree that
        cannot be taken, and what `start` raises; no checkout is left then.
        """
        ref = branch_ref(self.branch)
        for old, new, name in client_refs:
            if name == ref and new != ZERO:
                return await self._deploy(old, new)
        return None

    async def _deploy(self, old: bytes, new: bytes) -> int:
        loop = asyncio.get_running_loop()
        push = await loop.run_in_executor(self.pool, self._check_out, old.decode(), new.decode())
        try:
            return await self.start(push)
        except BaseException:
            await loop.run_in_executor(self.pool, _remove, push.checkout)
            raise

    def _check_out(self, old: str, new: str) -> Push:
        begin = time.monotonic()
        commit = commit_of(self.repo, new)
        before = None if old == ZERO.decode() else old
        into = checkout_folder(self.checkouts, self.app, new)
        forced = before is not None and not is_ancestor(self.repo, before, new)
        checkout(self.repo, commit.id.decode(), into)
        return Push(
            app=self.app,
            user=self.user,
            branch=self.branch,
            old_commit=before,
            new_commit=commit.id.decode(),
            forced=forced,
            message=first_line(commit.message),
            checkout=str(into),
            started_at=self.started_at,
            timings=self.timings | {"checkout": time.monotonic() - begin},
        )


def first_line(message: bytes) -> str:
    """A commit's subject, safe to print."""
    lines = message.strip().splitlines()
    return printable(lines[0])[:LONGEST_MESSAGE] if lines else ""


def read_commands(stdin: Iterable[bytes]) -> list[Command]:
    """What git gives a post-receive hook: `<old> <new> <ref>` lines. Raises SourceError."""
    commands = []
    for line in stdin:
        parts = line.rstrip(b"\n").split(b" ", 2)
        if len(parts) != 3:
            raise SourceError("post-receive was given no ref updates", "git runs this hook.")
        commands.append((parts[0], parts[1], parts[2]))
    return commands


async def deploy_from_git(
    hook: PostReceive,
    commands: Sequence[Command],
    deployments: Deployments,
    write: Callable[[str], None],
) -> int:
    """What `deployzero post-receive` does: deploy, print the log, return the exit code.

    The ref was moved by git before; git ignores a post-receive hook's exit code.
    """
    try:
        deployment = await hook.execute(commands)
        if deployment is None:
            write(f"       only {hook.branch} is deployed")
            return 0
        async for line in _lines(deployments, deployment):
            write(line)
        outcome = await deployments.outcome(deployment)
    except DeployZeroException as error:
        for line in error_lines(error):
            write(line)
        return 1
    return 0 if outcome.live else 1


async def _lines(deployments: Deployments, deployment: int) -> AsyncIterator[str]:
    async for line in deployments.follow(deployment):
        yield printable(line)


def _remove(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """As a file that stock git runs: hand over, with git's stdin, to the command line."""
    os.execv(sys.executable, [sys.executable, "-m", "deployzero", "post-receive"])  # noqa: S606


if __name__ == "__main__":
    main()
