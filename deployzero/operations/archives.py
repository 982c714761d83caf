"""Uploaded archives, which become commits on the deploy branch and are deployed as pushes are."""

import asyncio
import shutil
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.disk import check_disk
from deployzero.deploy.plan import OWN_CODE
from deployzero.deploy.platform import Platform
from deployzero.deploy.rename import move_repository
from deployzero.deploy.shielded import shielded
from deployzero.errors import ArchiveError, ArchiveTooLargeError, ConflictError
from deployzero.models.access import Role
from deployzero.models.deployment import Project, Push, User
from deployzero.models.release import Kind
from deployzero.operations.access import require
from deployzero.operations.changes import locked
from deployzero.operations.pushes import queue_deployment
from deployzero.settings import parse_bytes
from deployzero.source.archive import commit_archive
from deployzero.source.channel import ALL_THERE_IS
from deployzero.source.checkout import checkout, checkout_folder
from deployzero.source.commands import DEPLOY_BRANCHES
from deployzero.source.lines import printable
from deployzero.source.pack import cannot_store
from deployzero.source.repack import repack
from deployzero.store import deployments, projects

Read = Callable[[int], Awaitable[bytes]]
"""Up to so many bytes of an upload; b'' at its end."""
STALL_SECONDS = 300.0
UPLOAD_SECONDS = 3600.0
UPLOADS = 2
"""Of one user at once."""
CHECK_EVERY = 16 << 20
"""Bytes of an upload between two looks at the disk's free space."""
LONGEST_MESSAGE = 200
MESSAGE = "Archive"


async def deploy_archive(
    platform: Platform,
    user: User,
    app: str,
    read: Read,
    message: str | Callable[[], str] = "",
    idempotency_key: str | None = None,
) -> int:
    """Make an uploaded archive a commit after the newest code, and queue it; returns the
    deployment's id.

    read: its bytes, asked for only as fast as they are stored. message: of the commit; a function
    is asked once all has been read. idempotency_key: see `queue_deployment`. Raises ArchiveError,
    ArchiveTooLargeError, SourceError for a tree that cannot be taken, ConflictError for a
    locked app or one upload too many, ResourceLimitError for a full disk; nothing is left then.
    """
    begun = time.monotonic()
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.DEPLOYER)
    if project.locked_by:
        raise locked(app, project.locked_by)
    await move_repository(platform, project)
    await repack(platform.repositories.path(app))
    # Without a name: nothing remains of it however this ends.
    with _counted(platform, user), tempfile.TemporaryFile(dir=platform.settings.data_dir) as file:
        await _receive(platform, read, file)
        async with platform.database.begin() as session:
            project = await require(session, user, app, Role.DEPLOYER)
            branch = await projects.settle_deploy_branch(session, project.id, DEPLOY_BRANCHES[0])
            parent = await _newest_code(session, project)
        upload = _Upload(
            app=app,
            user=user,
            branch=branch,
            parent=parent,
            message=message if isinstance(message, str) else message(),
            begun=begun,
            idempotency_key=idempotency_key,
        )
        push = await _committed(platform, upload, file)
    try:
        return await queue_deployment(platform, push)
    except BaseException:
        await _remove_checkout(push)
        raise


async def _newest_code(session: AsyncSession, project: Project) -> str | None:
    """The commit that an archive follows: of what is on its way before it, else of what is live."""
    coming = await deployments.unfinished_of(session, project.id)
    if codes := [each.commit for each in coming if each.kind in OWN_CODE]:
        return codes[-1]
    live = await deployments.live(session, project.id)
    return live.commit if live else None


@dataclass(frozen=True, slots=True)
class _Upload:
    app: str
    user: User
    branch: str
    parent: str | None
    message: str
    begun: float
    """`time.monotonic()`."""
    idempotency_key: str | None


@contextmanager
def _counted(platform: Platform, user: User) -> Iterator[None]:
    if platform.uploads[user.id] >= UPLOADS:
        raise ConflictError(
            f"{UPLOADS} uploads of yours are under way", "Wait for one to end, then send it again."
        )
    platform.uploads[user.id] += 1
    try:
        yield
    finally:
        platform.uploads[user.id] -= 1


async def _receive(platform: Platform, read: Read, file: IO[bytes]) -> None:
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            await _spool(platform, read, file)
    except TimeoutError as error:
        raise ArchiveError(
            f"the upload did not end within {UPLOAD_SECONDS:g} seconds",
            "Leave out what the build makes or installs by itself, then send it again.",
        ) from error


async def _spool(platform: Platform, read: Read, file: IO[bytes]) -> None:
    most, size, looked = parse_bytes(platform.settings.max_upload_bytes), 0, -CHECK_EVERY
    loop, pool = asyncio.get_running_loop(), platform.repositories.pool
    while data := await _next(read):
        size += len(data)
        if size > most:
            raise ArchiveTooLargeError(
                f"the archive is larger than {most:,} bytes",
                "Leave out what the build makes or installs by itself, or raise "
                "DEPLOYZERO_MAX_UPLOAD_BYTES on the server.",
            )
        if size - looked >= CHECK_EVERY:
            check_disk(platform)
            looked = size
        try:
            await loop.run_in_executor(pool, file.write, data)
        except OSError as error:
            raise cannot_store(error) from error


async def _next(read: Read) -> bytes:
    try:
        async with asyncio.timeout(STALL_SECONDS):
            return await read(ALL_THERE_IS)
    except TimeoutError as error:
        raise ArchiveError(
            f"no data for {STALL_SECONDS:g} seconds", "Check the network, then send it again."
        ) from error


async def _committed(platform: Platform, upload: _Upload, file: IO[bytes]) -> Push:
    """`_commit` in a thread. Cancelled, that has ended when this returns, and left no checkout."""
    stop = threading.Event()
    running = asyncio.get_running_loop().run_in_executor(
        platform.repositories.pool, _commit, platform, upload, file, stop.is_set
    )
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await shielded(_undone(running))
        raise


async def _undone(running: asyncio.Future[Push]) -> None:
    await asyncio.wait({running})
    if not running.cancelled() and running.exception() is None:
        await _remove_checkout(running.result())


async def _remove_checkout(push: Push) -> None:
    await asyncio.to_thread(shutil.rmtree, push.checkout, ignore_errors=True)


def _commit(
    platform: Platform, upload: _Upload, file: IO[bytes], cancelled: Callable[[], bool]
) -> Push:
    """Blocks."""
    user, message = upload.user, upload.message.strip() or MESSAGE
    with platform.repositories.open(upload.app) as repo:
        commit = commit_archive(
            repo,
            file,
            parent=upload.parent,
            author=f"{user.name} <{user.name}@{platform.settings.domain}>",
            message=message,
            cancelled=cancelled,
        )
        received = time.monotonic()
        into = checkout_folder(platform.checkouts, upload.app, commit)
        checkout(repo, commit, into)
    return Push(
        app=upload.app,
        user=user,
        branch=upload.branch,
        old_commit=upload.parent,
        new_commit=commit,
        forced=False,
        message=printable(message.splitlines()[0])[:LONGEST_MESSAGE],
        checkout=str(into),
        started_at=upload.begun,
        timings={"receive": received - upload.begun, "checkout": time.monotonic() - received},
        kind=Kind.ARCHIVE,
        idempotency_key=upload.idempotency_key,
    )
