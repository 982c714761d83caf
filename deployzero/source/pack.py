"""Receiving one pack into quarantine: by dulwich, or by git when it has many objects."""

import asyncio
import concurrent.futures
import contextlib
import errno
import os
import struct
import tempfile
from collections.abc import Callable, Sequence
from typing import IO, TypeVarTuple

from deployzero.errors import DeployZeroException, ResourceLimitError, SourceError
from deployzero.source.channel import ALL_THERE_IS, ClientGoneError, Reader, read_exactly
from deployzero.source.git import GIT_MEMORY, git_program, incoming_env, limited
from deployzero.source.incoming import Incoming, check_connected
from deployzero.source.inflation import Budget, OverBudgetError, record_pack

A = TypeVarTuple("A")
MANY_OBJECTS = 1000
"""Above it git's index-pack wins over dulwich: cost goes with objects, not bytes (DESIGN, 3)."""
SMALL = Budget(pack=8 << 20, object=8 << 20, total=64 << 20)
"""What dulwich, which holds whole objects in memory, gets; git has the rest, and streams it."""
WITHOUT_GIT = Budget(pack=1 << 40, object=64 << 20, total=1 << 30)
"""What is taken where git is not installed."""
CHUNK = 1 << 20
STALL_SECONDS = 600.0
"""A client may compress for long before its next byte; longer than this, it hangs."""
INDEX_SECONDS = 1800.0
TOLERATED = (
    "badTimezone",
    "missingSpaceBeforeDate",
    "zeroPaddedFilemode",
    "missingNameBeforeEmail",
    "nullSha1",
)
"""Old histories are full of these, and they do no harm; the large hosts let them pass too."""
DAMAGED = "the pack is damaged or incomplete"
DAMAGED_HINT = "Push again; if it happens again run `git fsck` in your clone."


class PackInput:
    """The pack's bytes from the client, counted; for the event loop and for one thread."""

    def __init__(self, reader: Reader, limit: int) -> None:
        self.reader = reader
        self.limit = limit
        self.total = 0
        self.ended = False
        self._loop = asyncio.get_running_loop()
        self._buffer = memoryview(b"")
        self._waiting: concurrent.futures.Future[bytes] | None = None
        self._closed = False

    async def header(self) -> int:
        """Read the pack's first 12 bytes; returns the number of objects."""
        try:
            async with asyncio.timeout(STALL_SECONDS):
                head = await read_exactly(self.reader, 12)
        except TimeoutError as error:
            raise ClientGoneError from error
        magic, version, count = struct.unpack(">4sII", head)
        if magic != b"PACK" or version not in (2, 3):
            raise SourceError(DAMAGED, DAMAGED_HINT, ["what came is not a pack"])
        self.total = 12
        self._buffer = memoryview(head)
        return int(count)

    async def take(self) -> bytes:
        """The next bytes, as many as are there; b'' at the end of the stream.

        Raises SourceError above the limit and when nothing comes any more.
        """
        try:
            async with asyncio.timeout(STALL_SECONDS):
                data = await self.reader.read(ALL_THERE_IS)
        except TimeoutError as error:
            raise SourceError(
                f"no data for {STALL_SECONDS:g} seconds", "Check the network, then push again."
            ) from error
        self.total += len(data)
        self.ended = not data
        if self.total > self.limit:
            raise SourceError(
                f"the push is larger than {_size(self.limit)}",
                "Keep large files out of the repository (git rm --cached, .gitignore), or raise "
                "DEPLOYZERO_MAX_PUSH_BYTES on the server.",
            )
        return data

    def buffered(self) -> bytes:
        data, self._buffer = bytes(self._buffer), memoryview(b"")
        return data

    def put_back(self, data: bytes) -> None:
        """Let these come again, before what has not been read yet."""
        self._buffer = memoryview(data + self.buffered())

    def read_some(self, size: int) -> bytes:
        """For the thread: up to `size` bytes, at least one unless the stream has ended."""
        if not self._buffer and not self.ended:
            if self._closed:
                raise ClientGoneError
            self._waiting = asyncio.run_coroutine_threadsafe(self.take(), self._loop)
            try:
                self._buffer = memoryview(self._waiting.result(STALL_SECONDS + 60))
            except (concurrent.futures.CancelledError, TimeoutError) as error:
                raise ClientGoneError from error
        data, self._buffer = bytes(self._buffer[:size]), self._buffer[size:]
        return data

    def close(self) -> None:
        """Let go of a thread that still reads."""
        self._closed = True
        if self._waiting:
            self._waiting.cancel()


async def receive_pack(
    source: PackInput,
    arrived: Incoming,
    tips: Sequence[str],
    known: Sequence[str],
    pool: concurrent.futures.Executor,
) -> int:
    """Read the pack into quarantine and check that the tips are wholly there.

    `known` are commits that the repository surely has. Returns the number of objects.
    Raises SourceError: too large, damaged, incomplete; ClientGoneError.
    """
    count = await source.header()
    program = git_program()
    if program and (count > MANY_OBJECTS or not await _index_small(source, arrived, count, pool)):
        await _index_by_git(program, source, arrived)
        await _check_by_git(program, arrived, tips, known)
        return count
    loop = asyncio.get_running_loop()
    if program is None:
        await _in_thread(source, pool, _index, source, arrived, count, WITHOUT_GIT)
    await loop.run_in_executor(pool, check_connected, arrived, tips)
    return count


async def _index_small(
    source: PackInput, arrived: Incoming, count: int, pool: concurrent.futures.Executor
) -> bool:
    """False: it is not small; what was read of it is put back."""
    try:
        await _in_thread(source, pool, _index, source, arrived, count, SMALL)
    except OverBudgetError:
        return False
    return True


def _index(source: PackInput, arrived: Incoming, count: int, budget: Budget) -> None:
    """Index by dulwich, which reads it only when all its objects are within the budget."""
    try:
        with tempfile.SpooledTemporaryFile(SMALL.pack + CHUNK, dir=str(arrived.path)) as record:
            _record(source, record, count, budget)
            if count == 0:
                return
            record.seek(0)
            with contextlib.closing(arrived.open()) as store:
                store.add_thin_pack(record.read, record.read)
    except (DeployZeroException, ClientGoneError, OverBudgetError):
        raise
    except OSError as error:
        raise cannot_store(error) from error
    except Exception as error:
        # A broken pack breaks dulwich in many ways (struct, zlib, assertions, its own).
        why = "it ended early" if source.ended else f"{type(error).__name__}: {error}"
        raise SourceError(DAMAGED, DAMAGED_HINT, [why]) from error


def _record(source: PackInput, record: IO[bytes], count: int, budget: Budget) -> None:
    try:
        record_pack(source.read_some, record, count, budget)
    except OverBudgetError as error:
        if budget is SMALL:
            record.seek(0)
            source.put_back(record.read())
            raise
        raise SourceError(
            str(error),
            "Keep large files out of the repository, or install git on the server, which "
            "takes larger ones.",
        ) from error


async def _in_thread(
    source: PackInput,
    pool: concurrent.futures.Executor,
    function: Callable[[*A], None],
    *args: *A,
) -> None:
    """Run what reads from `source`; when this is cancelled its waiting ends."""
    try:
        await asyncio.get_running_loop().run_in_executor(pool, function, *args)
    except asyncio.CancelledError:
        source.close()
        raise


async def _index_by_git(program: str, source: PackInput, arrived: Incoming) -> None:
    strict = ",".join(f"{name}=ignore" for name in TOLERATED)
    process = await asyncio.create_subprocess_exec(
        *limited(program, "index-pack", "--stdin", "--fix-thin", f"--strict={strict}"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=incoming_env(arrived),
        limit=CHUNK,
    )
    stdin, stderr = process.stdin, process.stderr
    if stdin is None or stderr is None:
        raise AssertionError("both were asked for")
    feeding = asyncio.ensure_future(_feed(source, stdin))
    ending = asyncio.ensure_future(_end(stderr))
    try:
        async with asyncio.timeout(INDEX_SECONDS):
            # The client sends no end of file after the pack: feed until git has enough.
            await asyncio.wait({feeding, ending}, return_when=asyncio.FIRST_COMPLETED)
            if feeding.done():
                feeding.result()
            complaint = await ending
            code = await process.wait()
    except TimeoutError as error:
        raise SourceError(f"the pack was not indexed in {INDEX_SECONDS:g} seconds") from error
    finally:
        feeding.cancel()
        ending.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()
        stdin.close()
    if code:
        if any(os.strerror(errno.ENOSPC) in line for line in complaint):
            raise cannot_store(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        if any("ut of memory" in line for line in complaint):
            raise SourceError(
                f"a file of the push unpacks to more than {GIT_MEMORY >> 30} GB",
                "Keep large files out of the repository (git rm --cached, .gitignore).",
            )
        raise SourceError(DAMAGED, DAMAGED_HINT, complaint[-5:])


def cannot_store(error: OSError) -> ResourceLimitError:
    return ResourceLimitError(
        f"the server cannot store the push: {error.strerror or error}",
        "Look at its free disk space: df -h; deployzero doctor",
    )


async def _feed(source: PackInput, stdin: asyncio.StreamWriter) -> None:
    """Never ends by itself while the client is silent and git still listens."""
    try:
        stdin.write(source.buffered())
        while data := await source.take():
            stdin.write(data)
            await stdin.drain()
        stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        return


async def _end(stderr: asyncio.StreamReader) -> list[str]:
    data = await stderr.read()
    return data.decode("utf-8", "replace").splitlines()


async def _check_by_git(
    program: str, arrived: Incoming, tips: Sequence[str], known: Sequence[str]
) -> None:
    process = await asyncio.create_subprocess_exec(
        *limited(program, "rev-list", "--objects", "--quiet", "--stdin", "--"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=incoming_env(arrived),
    )
    revisions = "".join(f"{tip}\n" for tip in tips) + "".join(f"^{oid}\n" for oid in known)
    try:
        async with asyncio.timeout(INDEX_SECONDS):
            _, errors = await process.communicate(revisions.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise SourceError(
            "the push is incomplete: objects are missing",
            "Run `git fsck` in your clone.",
            errors.decode("utf-8", "replace").splitlines()[-3:],
        )


def _size(count: int) -> str:
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if count >= factor:
            return f"{count / factor:.4g} {unit}"
    return f"{count} bytes"
