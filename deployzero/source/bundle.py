"""A repository as one file, a git bundle, and back: `git clone app.bundle` reads it too."""

import asyncio
import errno
import functools
import os
import subprocess
import threading
import time
from collections.abc import Iterable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import IO, Protocol

from dulwich.errors import MissingCommitError
from dulwich.objects import ObjectID
from dulwich.pack import write_pack_data
from dulwich.refs import HEADREF, Ref, check_ref_format
from dulwich.repo import Repo

from deployzero.errors import ResourceLimitError, SourceError
from deployzero.source.channel import Reader
from deployzero.source.git import git_env, git_program
from deployzero.source.incoming import incoming
from deployzero.source.pack import PackInput, receive_pack
from deployzero.source.repository import Repositories

SIGNATURE = b"# v2 git bundle\n"
RELEASE = "refs/deployzero/release/"
"""Names of commits that no ref of the repository has; they are not restored as refs."""
TRIES = 3
"""Of packing: a repack that ends meanwhile takes packs away."""
PACK_SECONDS = 3600.0
PAUSE = 0.1
MOST_REFS = 100_000


class Source(Reader, Protocol):
    async def readline(self) -> bytes:
        """The next line with its end; what there is, when the stream ends before."""
        ...


def write_bundle(
    repositories: Repositories,
    app: str,
    commits: Iterable[str],
    file: IO[bytes],
    stop: threading.Event,
) -> bool:
    """Write all refs, and those of these commits that are there, to an empty file. Blocks.

    False: there is nothing. Pushes and repacks may go on: what a ref names when this begins is
    wholly there. Raises
    SourceError for a damaged repository, ResourceLimitError for a full disk, CancelledError
    soon after `stop` is set.
    """
    if not (repositories.path(app) / "HEAD").is_file():
        return False
    with repositories.open(app) as repo:
        tips = _tips(repo, commits)
    if not tips:
        return False
    for number in range(1, TRIES + 1):
        try:
            if number > 1:
                file.seek(0)
                file.truncate()
            file.write(_header(tips))
            file.flush()
            _pack(repositories.path(app), set(tips.values()), file, stop)
            return True
        except SourceError:
            if number == TRIES:
                raise
        except OSError as error:
            raise ResourceLimitError(
                f"cannot write the bundle of {app}: {error.strerror or error}",
                "Look at the server's free disk space: df -h; deployzero doctor",
            ) from error
    raise AssertionError("the last try returns or raises")


def _tips(repo: Repo, commits: Iterable[str]) -> dict[bytes, bytes]:
    """Ref name to object id."""
    refs = repo.refs.as_dict()
    tips = {bytes(ref): bytes(oid) for ref, oid in sorted(refs.items()) if ref != HEADREF}
    if HEADREF in refs:
        tips = {bytes(HEADREF): bytes(refs[HEADREF]), **tips}
    for commit in commits:
        oid = ObjectID(commit.encode())
        if oid not in tips.values() and oid in repo.object_store:
            tips[f"{RELEASE}{commit}".encode()] = oid
    return tips


def _header(tips: dict[bytes, bytes]) -> bytes:
    return SIGNATURE + b"".join(oid + b" " + ref + b"\n" for ref, oid in tips.items()) + b"\n"


def _pack(repository: Path, tips: set[bytes], file: IO[bytes], stop: threading.Event) -> None:
    program = git_program()
    if program is None:
        _pack_by_dulwich(repository, tips, file, stop)
        return
    process = subprocess.Popen(  # noqa: S603 - the git program, with fixed words
        [program, "pack-objects", "--revs", "--stdout", "--delta-base-offset", "-q"],
        env=git_env(repository),
        stdin=subprocess.PIPE,
        stdout=file,
        stderr=subprocess.PIPE,
    )
    try:
        feed = b"".join(oid + b"\n" for oid in sorted(tips))
        complaint = _communicate(process, feed, stop)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    file.seek(0, os.SEEK_END)
    if process.returncode:
        if any(os.strerror(errno.ENOSPC) in line for line in complaint):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise _damaged(complaint)


def _communicate(
    process: "subprocess.Popen[bytes]", feed: bytes | None, stop: threading.Event
) -> list[str]:
    deadline = time.monotonic() + PACK_SECONDS
    while True:
        try:
            _, errors = process.communicate(feed, timeout=PAUSE)
            return errors.decode("utf-8", "replace").splitlines()
        except subprocess.TimeoutExpired:
            feed = None
            if stop.is_set():
                raise CancelledError from None
            if time.monotonic() > deadline:
                raise _damaged([f"git did not end within {PACK_SECONDS:g} s"]) from None


def _pack_by_dulwich(
    repository: Path, tips: set[bytes], file: IO[bytes], stop: threading.Event
) -> None:
    def write(data: bytes) -> None:
        if stop.is_set():
            raise CancelledError
        file.write(data)

    with Repo(str(repository)) as repo:
        try:
            count, objects = repo.generate_pack_data(set(), {ObjectID(oid) for oid in tips})
            write_pack_data(write, objects, object_format=repo.object_format, num_records=count)
        except (KeyError, FileNotFoundError, MissingCommitError) as error:
            raise _damaged([f"missing: {error}"]) from error
    file.flush()


def _damaged(complaint: list[str]) -> SourceError:
    return SourceError(
        "its repository cannot be packed", "Look at it with `git fsck --full`.", complaint[-5:]
    )


async def read_bundle(repositories: Repositories, app: str, source: Source, size: int) -> list[str]:
    """Make the app's repository out of a bundle of `size` bytes; returns its tips' commits.

    Raises SourceError for a bundle that is damaged or incomplete, ClientGoneError when it
    ends early. Its objects are in the repository only when all of them are known to be.
    """
    tips = await _read_header(source)
    loop, pool = asyncio.get_running_loop(), repositories.pool
    (await loop.run_in_executor(pool, repositories.open, app)).close()
    path = repositories.path(app)
    oids = sorted({oid.decode() for oid in tips.values()})
    async with incoming(path, pool) as arrived:
        await receive_pack(PackInput(source, size), arrived, oids, [], pool)
        await loop.run_in_executor(pool, arrived.admit)
    await loop.run_in_executor(pool, functools.partial(_set_refs, path, tips))
    return oids


async def _read_header(source: Source) -> dict[bytes, bytes]:
    if await source.readline() != SIGNATURE:
        raise SourceError("it is not a git bundle")
    tips: dict[bytes, bytes] = {}
    while (line := await source.readline()) != b"\n":
        oid, _, ref = line.rstrip(b"\n").partition(b" ")
        if len(oid) != 40 or oid.strip(b"0123456789abcdef") or len(tips) > MOST_REFS:
            raise SourceError("the header of the bundle is damaged")
        if ref != HEADREF and not (ref.startswith(b"refs/") and check_ref_format(Ref(ref))):
            raise SourceError("the header of the bundle has a bad ref name")
        tips[ref] = oid
    return tips


def _set_refs(repository: Path, tips: dict[bytes, bytes]) -> None:
    with Repo(str(repository)) as repo:
        for ref, oid in tips.items():
            if ref != HEADREF and not ref.startswith(RELEASE.encode()):
                repo.refs[Ref(ref)] = ObjectID(oid)
