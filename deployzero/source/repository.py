"""The bare repositories, one an app: `<root>/<app>.git`."""

import asyncio
import contextlib
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from dulwich.errors import NotGitRepository
from dulwich.file import FileLocked
from dulwich.graph import can_fast_forward
from dulwich.objects import ObjectID
from dulwich.protocol import ZERO_SHA
from dulwich.refs import HEADREF, Ref
from dulwich.repo import Repo

from deployzero.errors import ConflictError, SourceError
from deployzero.models.names import check_app_name

BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
INCOMING = "tmp_objdir-incoming-"
"""Prefix of quarantined objects; git's own name for them, so that its gc knows them too."""
ASIDE = ".removed-"
"""Prefix of repositories that are being deleted; no app's name begins with a dot."""

TRIES, PAUSE = 10, 0.02
"""Of moving a ref that somebody else has locked; seconds between two."""
THREADS = 16
"""As many pushes and fetches at once; an idle thread costs next to nothing."""


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="git")


def branch_ref(branch: str) -> Ref:
    return Ref((BRANCHES + branch).encode())


@dataclass(frozen=True, slots=True)
class Repositories:
    """A folder of bare repositories. What is no coroutine blocks for a few file operations."""

    root: Path
    pool: ThreadPoolExecutor = field(default_factory=_pool, compare=False)
    """Threads of reception alone: for indexing packs and reading repositories."""

    def close(self) -> None:
        """Let the threads end; what they are at is finished first."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    def path(self, app: str) -> Path:
        """Where the app's repository is or would be. Raises SourceError for a bad name."""
        return self.root / f"{check_app_name(app)}.git"

    def open(self, app: str) -> Repo:
        """The app's repository, made when there is none yet. Close it (it is a context).

        Raises SourceError for one that is damaged.
        """
        path = self.path(app)
        if not (path / "HEAD").is_file():
            self._create(path)
        try:
            return Repo(str(path))
        except NotGitRepository as error:
            raise SourceError(
                f"{app}'s repository on the server is damaged",
                f"Put {path} back from a backup; or remove it, then push again.",
            ) from error

    def _create(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Two first pushes at once: the other one may have been a moment faster.
        with contextlib.suppress(FileExistsError):
            Repo.init_bare(str(path), default_branch=b"main").close()

    def tags(self, app: str) -> dict[str, str]:
        """Full ref name to object id, as on disk; empty when there is no repository."""
        if not (self.path(app) / "HEAD").is_file():
            return {}
        with self.open(app) as repo:
            tags = repo.refs.as_dict(Ref(TAGS.encode().rstrip(b"/")))
            return {
                TAGS + name.decode("utf-8", "surrogateescape"): oid.decode()
                for name, oid in tags.items()
            }

    async def set_branch(self, app: str, branch: str, commit: str | None) -> None:
        """Let the branch (and HEAD) name what is live; None: nothing is, the branch goes.

        The result of dulwich's compare-and-set is looked at, and the ref is read back.
        Raises ConflictError if somebody else keeps changing or locking it.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self.pool, self._set_branch, app, branch, commit)

    def _set_branch(self, app: str, branch: str, commit: str | None) -> None:
        ref = branch_ref(branch)
        with self.open(app) as repo:
            for _ in range(TRIES):
                if _move(repo, ref, commit) and _point_head(repo, ref):
                    return
                time.sleep(PAUSE)
        raise ConflictError(
            f"cannot move {app}'s branch {branch}: another process holds it",
            f"Look for a stale lock: {self.path(app)}/{ref.decode()}.lock",
        )

    def is_ancestor(self, app: str, old: str, new: str) -> bool:
        """Whether `new` contains `old`: a push from old to new is a fast-forward."""
        with self.open(app) as repo:
            return is_ancestor(repo, old, new)

    def set_aside(self, app: str) -> Path | None:
        """Take the app's repository away at once, to be deleted; None: there is none."""
        aside = self.root / f"{ASIDE}{uuid4().hex}"
        try:
            os.rename(self.path(app), aside)
        except FileNotFoundError:
            return None
        return aside

    def discard(self, app: str) -> None:
        """Take the app's repository away at once, and delete it behind."""
        if aside := self.set_aside(app):
            self.pool.submit(shutil.rmtree, aside, ignore_errors=True)

    async def remove(self, app: str) -> None:
        """Idempotent. Deleted before this returns."""
        await asyncio.get_running_loop().run_in_executor(self.pool, self._remove, app)

    def _remove(self, app: str) -> None:
        if aside := self.set_aside(app):
            shutil.rmtree(aside, ignore_errors=True)

    async def rename(self, old: str, new: str) -> None:
        """Move the old name's repository to the new name, unless one with objects is there.

        Idempotent: an empty one, made by a push that came too late, never replaces it.
        """
        await asyncio.get_running_loop().run_in_executor(self.pool, self._rename, old, new)

    def _rename(self, old: str, new: str) -> None:
        if not _has_objects(self.path(old)) or _has_objects(self.path(new)):
            return
        self._remove(new)
        with contextlib.suppress(FileNotFoundError):
            os.rename(self.path(old), self.path(new))

    def clean(self) -> None:
        """At start: remove what receptions and removals left that were killed half-way."""
        for pattern in (f"*.git/objects/{INCOMING}*", f"{ASIDE}*"):
            for leftover in self.root.glob(pattern):
                shutil.rmtree(leftover, ignore_errors=True)


def _has_objects(repository: Path) -> bool:
    folders = (repository / "objects").glob("*")
    return any(not each.name.startswith(INCOMING) and _is_filled(each) for each in folders)


def _is_filled(folder: Path) -> bool:
    """`objects/info` counts too: alternates are only there where there are objects."""
    return folder.is_dir() and any(folder.iterdir())


def _point_head(repo: Repo, ref: Ref) -> bool:
    try:
        repo.refs.set_symbolic_ref(HEADREF, ref)
    except FileLocked:
        return False
    return True


def is_ancestor(repo: Repo, old: str, new: str) -> bool:
    if old == new:
        return True
    try:
        return can_fast_forward(repo, ObjectID(old.encode()), ObjectID(new.encode()))
    except KeyError:
        return False


def _move(repo: Repo, ref: Ref, commit: str | None) -> bool:
    old = repo.refs.read_ref(ref)
    try:
        if commit is None:
            done = old is None or repo.refs.remove_if_equals(ref, ObjectID(old))
        else:
            new = ObjectID(commit.encode())
            done = old == new or repo.refs.set_if_equals(ref, ObjectID(old or ZERO_SHA), new)
    except FileLocked:
        return False
    return done and repo.refs.read_ref(ref) == (commit.encode() if commit else None)
