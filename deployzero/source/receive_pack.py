"""Receiving a push: dulwich's receive-pack with a `handle` and `_apply_pack` of our own.

Pinned to the dulwich version of pyproject.toml and tested against stock git, because of what
dulwich's own does (DESIGN, 3): it ignores the result of its compare-and-set, cannot read a
shallow push, and holds its thread while a hook runs.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dulwich.errors import GitProtocolError
from dulwich.file import FileLocked
from dulwich.hooks import Hook
from dulwich.objects import ObjectID
from dulwich.protocol import (
    CAPABILITIES_REF,
    CAPABILITY_ATOMIC,
    CAPABILITY_DELETE_REFS,
    CAPABILITY_OFS_DELTA,
    CAPABILITY_QUIET,
    CAPABILITY_REPORT_STATUS,
    CAPABILITY_SIDE_BAND_64K,
    SIDE_BAND_CHANNEL_PROGRESS,
    ZERO_SHA,
    Protocol,
    capability_agent,
    capability_object_format,
    format_ref_line,
)
from dulwich.refs import Ref
from dulwich.repo import Repo
from dulwich.server import DictBackend, PackHandler, ReceivePackHandler

from deployzero.errors import DeployZeroException, SourceError
from deployzero.models.deployment import User
from deployzero.models.push import Deployments, PushTarget
from deployzero.source.channel import ClientGoneError, Reader, Writer
from deployzero.source.commands import (
    Command,
    Request,
    deploy_branch,
    fetch_first,
    read_request,
    refusals,
)
from deployzero.source.incoming import incoming
from deployzero.source.lines import error_lines, one_line, printable
from deployzero.source.pack import PackInput, cannot_store, receive_pack
from deployzero.source.repository import Repositories, branch_ref

logger = logging.getLogger(__name__)

KEEPALIVE = b"0005\x01"
"""An empty packet on band 1, as stock receive-pack sends while its hooks run."""
KEEPALIVE_SECONDS = 5.0
COMMAND_SECONDS = 3600.0
"""A client runs its pre-push hook (a test suite, say) between our refs and its commands."""
DRAIN_SECONDS = 120.0
OK = b"ok"


@dataclass(frozen=True, slots=True)
class PushContext:
    """What a post-receive hook is made from."""

    repo: Repo
    app: str
    user: User
    branch: str
    started_at: float
    timings: dict[str, float]


@dataclass(frozen=True, slots=True)
class Reception:
    """What all pushes share."""

    repositories: Repositories
    deployments: Deployments
    make_hook: Callable[[PushContext], Hook]
    max_bytes: int


class ReceivePack(ReceivePackHandler):
    """One push to one app, from advertised refs to the report."""

    def __init__(
        self, reception: Reception, user: User, app: str, reader: Reader, writer: Writer
    ) -> None:
        # Not ReceivePackHandler's: it opens a repository, and there may be none yet.
        PackHandler.__init__(self, DictBackend({}), Protocol(_no_read, writer.write))
        self.reception = reception
        self.deployments = reception.deployments
        self.user = user
        self.app = app
        self.reader = reader
        self.writer = writer
        self.started_at = time.monotonic()
        self.statuses: dict[bytes, bytes] = {}
        self.unpack = OK
        self.failure = b"failed"
        """Status of every ref that has none of its own."""

    def capabilities(self) -> Iterable[bytes]:
        return [
            CAPABILITY_REPORT_STATUS,
            CAPABILITY_SIDE_BAND_64K,
            CAPABILITY_DELETE_REFS,
            CAPABILITY_QUIET,
            CAPABILITY_ATOMIC,
            CAPABILITY_OFS_DELTA,
            capability_object_format("sha1"),
            capability_agent(),
        ]

    async def handle(self) -> None:  # type: ignore[override]
        """The whole push. Waiting is awaiting: no thread is held (unlike dulwich's).

        Raises ClientGoneError and ConnectionError when the client goes away; a deployment that has
        begun goes on. Everything else is reported to the client.
        """
        target = await self.deployments.find_app(self.user, self.app)
        await self._advertise(target)
        async with asyncio.timeout(COMMAND_SECONDS):
            request = await read_request(self.reader)
        if not request.commands:
            return
        self.set_client_capabilities(request.capabilities)
        try:
            await self._receive(request, target)
        except (ClientGoneError, ConnectionError):
            raise
        except DeployZeroException as error:
            await self._fail(error)
        except OSError as error:
            logger.error("push to %s failed: %s", self.app, error)
            await self._fail(cannot_store(error))
        except Exception:
            logger.exception("push to %s failed", self.app)
            await self._fail(
                DeployZeroException("internal error", "The server's log has the details.")
            )
        except asyncio.CancelledError:
            self.failure = b"deployzero is stopping; push again when it is back"
            self._write_report(request.commands)
            raise
        self._write_report(request.commands)
        await self.writer.drain()
        await self._drain_input()

    async def _receive(self, request: Request, told: PushTarget | None) -> None:
        # Asked again: what is live may have changed while the client made up its mind.
        target = await self.deployments.find_app(self.user, self.app)
        branch = deploy_branch(target, request.commands)
        refused = refusals(request, told, target, branch)
        for ref, error in refused.items():
            await self._refuse(ref, error)
        if refused and self.has_capability(CAPABILITY_ATOMIC):
            for command in request.commands:
                self.statuses.setdefault(command.ref, b"atomic push failed")
        accepted = [c for c in request.commands if c.ref not in self.statuses]
        if not accepted:
            return
        if target is None or target.deploy_branch is None:
            await self.deployments.create_app(self.user, self.app, branch)
        loop, pool = asyncio.get_running_loop(), self.reception.repositories.pool
        repo = await loop.run_in_executor(pool, self.reception.repositories.open, self.app)
        with contextlib.closing(repo):
            await self._apply_pack(repo, accepted, branch, target)

    async def _apply_pack(  # type: ignore[override]
        self, repo: Repo, commands: Sequence[Command], branch: str, target: PushTarget | None
    ) -> None:
        timings: dict[str, float] = {}
        if not all(command.deletes for command in commands):
            begin = time.monotonic()
            await self._unpack(repo, commands, target)
            timings["receive"] = time.monotonic() - begin
        tags = [command for command in commands if command.is_tag]
        deploys = [command for command in commands if not command.is_tag]
        atomic = self.has_capability(CAPABILITY_ATOMIC)
        if not atomic:
            await self._store_tags(repo, tags)
        for command in deploys:
            context = PushContext(repo, self.app, self.user, branch, self.started_at, timings)
            self.statuses[command.ref] = await self._deploy(command, context)
        if atomic and all(self.statuses[command.ref] == OK for command in deploys):
            await self._store_tags(repo, tags)
        for tag in tags:
            self.statuses.setdefault(tag.ref, b"atomic push failed")

    async def _unpack(
        self, repo: Repo, commands: Sequence[Command], target: PushTarget | None
    ) -> None:
        """Take the pack in; a SourceError also becomes git's `unpack` status."""
        source = PackInput(self.reader, self.reception.max_bytes)
        tips = [command.new.decode() for command in commands if not command.deletes]
        known = [target.live_commit] if target and target.live_commit else []
        try:
            async with incoming(Path(repo.path), self.reception.repositories.pool) as arrived:
                await receive_pack(source, arrived, tips, known, self.reception.repositories.pool)
                await asyncio.get_running_loop().run_in_executor(
                    self.reception.repositories.pool, arrived.admit
                )
        except SourceError as error:
            self.unpack = one_line(error.message).encode()
            raise

    async def _store_tags(self, repo: Repo, tags: Sequence[Command]) -> None:
        for tag in tags:
            if _move_ref(repo, tag):
                self.statuses[tag.ref] = OK
                what = "removed" if tag.deletes else "stored, not deployed"
                await self._say(f"-----> Tag {tag.name.removeprefix('refs/tags/')} {what}")
            else:
                await self._refuse(tag.ref, fetch_first())

    async def _deploy(self, command: Command, context: PushContext) -> bytes:
        """Run the post-receive hook, follow what it began; returns the ref's status."""
        context.repo.hooks["post-receive"] = self.reception.make_hook(context)
        hook = context.repo.hooks["post-receive"]
        update = (command.old, command.new, bytes(branch_ref(context.branch)))
        # Shielded: once it is under way the deployment begins, whether the client stays or not.
        begun: asyncio.Future[int | None] = asyncio.ensure_future(hook.execute([update]))
        try:
            deployment = await asyncio.shield(begun)
        except DeployZeroException as error:
            await self._say(*error_lines(error))
            return one_line(error.message).encode()
        if deployment is None:
            return b"the post-receive hook began no deployment"
        await self._follow(self.deployments.follow(deployment))
        outcome = await self.deployments.outcome(deployment)
        return OK if outcome.live else one_line(outcome.reason).encode()

    async def _follow(self, lines: AsyncIterator[str]) -> None:
        """Send the lines as they come; between them an empty packet, so that no proxy or
        client takes the silence for a dead connection."""
        following = aiter(lines)
        upcoming = asyncio.ensure_future(_next(following))
        try:
            while True:
                done, _ = await asyncio.wait({upcoming}, timeout=KEEPALIVE_SECONDS)
                if not done:
                    await self._keep_alive()
                    continue
                line = upcoming.result()
                if line is None:
                    return
                await self._say(line)
                upcoming = asyncio.ensure_future(_next(following))
        finally:
            upcoming.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await upcoming
            if close := getattr(following, "aclose", None):
                await close()

    async def _advertise(self, target: PushTarget | None) -> None:
        refs = await asyncio.get_running_loop().run_in_executor(
            self.reception.repositories.pool,
            advertised,
            self.reception.repositories,
            self.app,
            target,
        )
        pairs = sorted(refs.items()) or [(bytes(CAPABILITIES_REF), bytes(ZERO_SHA))]
        for index, (ref, oid) in enumerate(pairs):
            capabilities = list(self.capabilities()) if index == 0 else None
            self.proto.write_pkt_line(format_ref_line(ref, ObjectID(oid), capabilities))
        self.proto.write_pkt_line(None)
        await self.writer.drain()

    async def _refuse(self, ref: bytes, error: DeployZeroException) -> None:
        self.statuses[ref] = one_line(error.message).encode()
        await self._say(*error_lines(error))

    async def _fail(self, error: DeployZeroException) -> None:
        """For every ref that has no status yet."""
        await self._say(*error_lines(error))
        self.failure = one_line(error.message).encode()

    async def _say(self, *lines: str) -> None:
        if lines and self.has_capability(CAPABILITY_SIDE_BAND_64K):
            text = "".join(f"{printable(line)}\n" for line in lines)
            self.proto.write_sideband(SIDE_BAND_CHANNEL_PROGRESS, text.encode("utf-8", "replace"))
            await self.writer.drain()

    async def _keep_alive(self) -> None:
        if self.has_capability(CAPABILITY_SIDE_BAND_64K):
            self.writer.write(KEEPALIVE)
            await self.writer.drain()

    def _write_report(self, commands: Sequence[Command]) -> None:
        if self.has_capability(CAPABILITY_REPORT_STATUS):
            refs = [(c.ref, self.statuses.get(c.ref, self.failure)) for c in commands]
            self._report_status([(b"unpack", self.unpack), *refs])

    async def _drain_input(self) -> None:
        """Read on to the client's end of file, within bounds.

        It may be in the middle of sending a pack that we refused, and git reads the report
        only after that; closing at once would lose the reason in a broken pipe.
        """
        left = self.reception.max_bytes
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while left > 0 and (data := await self.reader.read(1 << 20)):
                    left -= len(data)


def advertised(
    repositories: Repositories, app: str, target: PushTarget | None
) -> dict[bytes, bytes]:
    """The refs that clients see: the deploy branch is what is live, tags are as on disk."""
    if target is None:
        return {}
    refs = {
        name.encode("utf-8", "surrogateescape"): oid.encode()
        for name, oid in repositories.tags(app).items()
    }
    if target.deploy_branch and target.shown_commit:
        refs[bytes(branch_ref(target.deploy_branch))] = target.shown_commit.encode()
    return refs


def _move_ref(repo: Repo, command: Command) -> bool:
    """Compare and set, for real: False when the ref is no longer what the client saw."""
    ref, old = Ref(command.ref), ObjectID(command.old)
    try:
        if command.deletes:
            return repo.refs.remove_if_equals(ref, old)
        return repo.refs.set_if_equals(ref, old, ObjectID(command.new))
    except (FileLocked, OSError):
        return False


async def _next(lines: AsyncIterator[str]) -> str | None:
    return await anext(lines, None)


def _no_read(size: int) -> bytes:
    raise GitProtocolError("reading is asynchronous here")
