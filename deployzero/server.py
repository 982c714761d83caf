"""The composition root: the only place that picks implementations and joins the parts."""

import asyncio
import contextlib
import fcntl
import functools
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from deployzero.api import server as api_server
from deployzero.api.app import make_app
from deployzero.api.client_address import on_this_machine
from deployzero.build.builder import Builder
from deployzero.deploy import runs
from deployzero.deploy.key_uses import KeyUses
from deployzero.deploy.log_archive import LogArchive
from deployzero.deploy.log_hub import LogHub
from deployzero.deploy.platform import Platform
from deployzero.deploy.queue import Queue
from deployzero.deploy.reconcile import reconcile
from deployzero.deploy.sign_in import SignIn
from deployzero.deploy.vault import vault_of
from deployzero.deploy.watch import Watch
from deployzero.deploy.worker import Worker
from deployzero.errors import ConflictError, SettingsError
from deployzero.logs.bus import LocalBus
from deployzero.logs.log_manager import LogManager
from deployzero.operations import changes, keys, pushes
from deployzero.pages import door as pages
from deployzero.routing.certificates import HTTPS, read_certificate
from deployzero.routing.proxy import Proxy
from deployzero.routing.route import Route
from deployzero.runtime.docker_manager import DockerManager
from deployzero.runtime.firewall import Firewall
from deployzero.settings import Settings, parse_bytes
from deployzero.source.repository import Repositories
from deployzero.ssh import server as ssh_server
from deployzero.ssh.commands import run_command
from deployzero.store.database import Database
from deployzero.store.instance import instance_id
from deployzero.store.migrations import migrate

LOCK = "deployzero.lock"
"""Held while a server runs on this data folder; holds its process id."""


@asynccontextmanager
async def open_platform(settings: Settings) -> AsyncIterator[Platform]:
    """The platform's parts on a migrated database, closed at the end in reverse order."""
    _make_data_dir(settings.data_dir)
    key = _secret_key(settings.data_dir / "secret.key")
    await migrate(settings.database)
    async with contextlib.AsyncExitStack() as stack:
        database = Database(settings.database)
        stack.push_async_callback(database.close)
        async with database.begin() as session:
            name = await instance_id(session)
        key_uses = KeyUses(database)
        stack.push_async_callback(key_uses.close)
        bus = LocalBus()
        logs = LogManager(database, bus)
        stack.push_async_callback(logs.close)
        runtime = stack.enter_context(contextlib.closing(DockerManager(settings.docker_host, name)))
        builder = Builder(settings, name, key)
        stack.push_async_callback(builder.close)
        repositories = Repositories(settings.data_dir / "repositories")
        stack.callback(repositories.close)
        folder = settings.data_dir / "proxy"
        proxy = Proxy(folder, settings.bind, settings.http_port, name, _https(settings))
        stack.callback(proxy.close)
        archive = LogArchive(settings.data_dir / "logs", parse_bytes(settings.app_log_bytes))
        sign_in = SignIn()
        stack.callback(sign_in.close)
        yield Platform(
            settings=settings,
            instance=name,
            key=key,
            database=database,
            logs=logs,
            runtime=runtime,
            firewall=Firewall(name),
            proxy=proxy,
            builder=builder,
            repositories=repositories,
            vault=vault_of(key),
            queue=Queue(),
            bus=bus,
            log_archive=archive,
            log_hub=LogHub(runtime, archive),
            sign_in=sign_in,
            key_uses=key_uses,
        )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Platform]:
    """The whole server: database, proxy, worker, watch and SSH, until the block ends."""
    if settings.tls_files:
        read_certificate(*settings.tls_files)
    _make_data_dir(settings.data_dir)
    with only_one(settings.data_dir / LOCK):
        async with open_platform(settings) as platform:
            await platform.runtime.ping()
            await keys.ensure_admin(platform)
            started = await platform.proxy.ensure_running()
            await reconcile(platform)
            platform.proxy.routes.write(_api_route(settings))
            worker, watch = Worker(platform), Watch(platform)
            await watch.look()  # what was down may be up: the first push is to see it as it is
            tasks = [asyncio.create_task(worker.run()), asyncio.create_task(watch.run())]
            try:
                async with http_door(platform), ssh_door(platform) as door:
                    yield platform
                    # Deployments end first, so that each push still hears how its own did.
                    door.stop_listening()
                    await _end(tasks)
                    # Who follows a log or sits at a run would hold the door open.
                    platform.log_hub.close()
                    await runs.end_foreground(platform)
            except SettingsError:
                if started:  # a start that fails leaves nothing behind
                    await platform.proxy.stop()
                raise
            finally:
                await _end(tasks)


def _make_data_dir(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(
            f"bad setting DEPLOYZERO_DATA_DIR: cannot make {path}: {error.strerror}",
            "Choose a folder that this user may write, or run as root.",
        ) from error


def _https(settings: Settings) -> HTTPS | None:
    if not settings.tls:
        return None
    return HTTPS(settings.https_port, settings.domain, *(settings.tls_files or (None, None)))


def _api_route(settings: Settings) -> Route:
    address = f"[{settings.local}]" if ":" in settings.local else settings.local
    backend = (address, settings.api_port)
    return Route("api", (settings.host("api"),), (backend,), "api", settings.tls)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def http_door(platform: Platform, port: int | None = None) -> AsyncIterator[int]:
    """The HTTP API on the platform's operations; gives its port. port: as for `ssh_door`."""
    app = make_app(platform)
    pages.mount(app, functools.partial(on_this_machine, settings=platform.settings))
    certificate = (lambda: platform.proxy.certificate) if platform.settings.tls else None
    async with api_server.serving(app, platform.settings, port, certificate) as listening:
        try:
            yield listening
        finally:
            pages.close(app)


@asynccontextmanager
async def ssh_door(platform: Platform, port: int | None = None) -> AsyncIterator[ssh_server.Door]:
    """The SSH server on the platform's operations. port: instead of SSH_PORT; 0: any free one."""
    settings = platform.settings
    try:
        door = await ssh_server.start(
            settings,
            settings.data_dir / "host_key",
            authenticate=functools.partial(keys.authenticate, platform),
            repositories=platform.repositories,
            checkouts=platform.checkouts,
            find_app=functools.partial(pushes.find_app, platform),
            create_app=functools.partial(pushes.create_app, platform),
            start_deployment=functools.partial(pushes.start_deployment, platform),
            follow_log=functools.partial(changes.follow, platform),
            get_outcome=functools.partial(changes.outcome, platform),
            run_command=functools.partial(run_command, platform),
            find_source=functools.partial(pushes.find_source, platform),
            bus=platform.bus,
            port=port,
        )
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.bind}:{settings.ssh_port}: {error.strerror}",
            "Stop what listens there, or choose another port with DEPLOYZERO_SSH_PORT.",
        ) from error
    try:
        yield door
    finally:
        await door.close()


def running_pid(settings: Settings) -> int | None:
    """The process id of the server that runs on this data folder, None if none does."""
    try:
        with (settings.data_dir / LOCK).open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return int(file.read() or 0) or None
    except OSError:
        return None
    return None


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock of the data folder; the kernel lets go of it however the process ends."""
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConflictError(
                f"another deployzero runs on {path.parent}",
                "Stop it with `deployzero down`, or set DEPLOYZERO_DATA_DIR to another folder.",
            ) from error
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


def _secret_key(path: Path) -> bytes:
    """The key that secrets derive from: made once, whole and on disk, for the owner alone."""
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        with draft.open("wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    if path.stat().st_mode & 0o077:  # put back by hand, say
        path.chmod(0o600)
    key = path.read_bytes()
    if len(key) != 32:
        raise SettingsError(
            f"{path} is damaged: it must hold 32 bytes",
            "Restore it from a backup. Without it remove it; generated secrets will change.",
        )
    return key
