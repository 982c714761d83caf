"""Clone and fetch: git's own upload-pack where git is installed, else dulwich's."""

import asyncio
import concurrent.futures
import contextlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from dulwich.errors import GitProtocolError, HangupException
from dulwich.objects import ObjectID
from dulwich.protocol import ReceivableProtocol
from dulwich.refs import HEADREF, DictRefsContainer, Ref
from dulwich.repo import Repo
from dulwich.server import BackendRepo, DictBackend, UploadPackHandler

from deployzero.models.push import PushTarget
from deployzero.source.channel import ClientGoneError, Reader, Writer
from deployzero.source.git import git_env, git_program
from deployzero.source.receive_pack import advertised
from deployzero.source.repository import Repositories, branch_ref

CHUNK = 1 << 18
STALL_SECONDS = 600.0
PROTOCOLS = frozenset({"version=1", "version=2"})


async def upload_pack(
    repositories: Repositories,
    target: PushTarget,
    reader: Reader,
    writer: Writer,
    protocol: str = "",
) -> int:
    """Serve one clone or fetch of what is live; returns the exit code.

    `protocol` is the client's GIT_PROTOCOL. Raises ClientGoneError.
    """
    loop, pool = asyncio.get_running_loop(), repositories.pool
    refs = await loop.run_in_executor(pool, _refs, repositories, target)
    branch = target.deploy_branch or "main"
    path = repositories.path(target.app)
    program = git_program()
    if program is None:
        return await _by_dulwich(path, refs, branch, reader, writer, pool)
    view = await loop.run_in_executor(pool, _make_view, path, refs, branch)
    try:
        return await _by_git(program, view, reader, writer, protocol)
    finally:
        await loop.run_in_executor(pool, lambda: shutil.rmtree(view, ignore_errors=True))


def _refs(repositories: Repositories, target: PushTarget) -> dict[bytes, bytes]:
    repositories.open(target.app).close()
    return advertised(repositories, target.app, target)


def _make_view(repository: Path, refs: Mapping[bytes, bytes], branch: str) -> Path:
    """A repository of the app's objects with exactly these refs, for git to serve."""
    view = Path(tempfile.mkdtemp(prefix="deployzero-view-"))
    (view / "refs").mkdir()
    (view / "objects").symlink_to(repository.resolve() / "objects")
    (view / "HEAD").write_bytes(b"ref: " + branch_ref(branch) + b"\n")
    (view / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
    lines = b"".join(oid + b" " + ref + b"\n" for ref, oid in sorted(refs.items()))
    (view / "packed-refs").write_bytes(b"# pack-refs with: sorted\n" + lines)
    return view


async def _by_git(program: str, view: Path, reader: Reader, writer: Writer, protocol: str) -> int:
    env = git_env(view)
    if protocol in PROTOCOLS:
        env["GIT_PROTOCOL"] = protocol
    process = await asyncio.create_subprocess_exec(
        *(program, "upload-pack", "--strict", f"--timeout={STALL_SECONDS:.0f}", str(view)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=env,
        limit=CHUNK,
    )
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise AssertionError("both were asked for")
    feeding = asyncio.ensure_future(_feed(reader, stdin))
    try:
        while data := await stdout.read(CHUNK):
            writer.write(data)
            await writer.drain()
        return await process.wait()
    finally:
        feeding.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await feeding


async def _feed(reader: Reader, stdin: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            stdin.write(data)
            await stdin.drain()
    finally:
        stdin.close()


async def _by_dulwich(
    path: Path,
    refs: Mapping[bytes, bytes],
    branch: str,
    reader: Reader,
    writer: Writer,
    pool: concurrent.futures.Executor,
) -> int:
    loop = asyncio.get_running_loop()
    waiting: concurrent.futures.Future[bytes] | None = None

    def receive(size: int) -> bytes:
        nonlocal waiting
        waiting = asyncio.run_coroutine_threadsafe(reader.read(size), loop)
        return waiting.result(STALL_SECONDS)

    async def send(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    def write(data: bytes) -> None:
        asyncio.run_coroutine_threadsafe(send(data), loop).result(STALL_SECONDS)

    try:
        await loop.run_in_executor(pool, _serve, path, refs, branch, receive, write)
    except (HangupException, TimeoutError, concurrent.futures.CancelledError) as error:
        raise ClientGoneError from error
    except GitProtocolError:
        return 128
    finally:
        if waiting:
            waiting.cancel()
    return 0


def _serve(
    path: Path,
    refs: Mapping[bytes, bytes],
    branch: str,
    receive: Callable[[int], bytes],
    write: Callable[[bytes], None],
) -> None:
    with Repo(str(path)) as repo:
        shown = {Ref(ref): ObjectID(oid) for ref, oid in refs.items()}
        head = branch_ref(branch)
        container = DictRefsContainer(dict(shown))
        if head in shown:
            container.set_symbolic_ref(HEADREF, head)
        repo.refs = container
        protocol = ReceivableProtocol(receive, write, rbufsize=CHUNK)
        served: dict[str, BackendRepo] = {"/": repo}
        UploadPackHandler(DictBackend(served), ["/"], protocol).handle()
