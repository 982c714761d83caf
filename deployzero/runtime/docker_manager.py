"""Containers on one Docker Engine: the default Runtime."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from docker import APIClient
from docker.errors import APIError, NotFound

from deployzero.errors import ContainerError
from deployzero.runtime import labels
from deployzero.runtime.attachment import Attachment
from deployzero.runtime.container import (
    ContainerEvent,
    ContainerSpec,
    ContainerStatus,
    ContainerSummary,
    Image,
)
from deployzero.runtime.container_config import (
    CPU_PERIOD,
    LIVE_SHARES,
    container_config,
    container_name,
    cpu_quota,
)
from deployzero.runtime.docker_images import DockerImages, foreign
from deployzero.runtime.docker_logs import DockerLogs
from deployzero.runtime.docker_networks import DockerNetworks
from deployzero.runtime.docker_sessions import DockerSessions
from deployzero.runtime.engine import Engine
from deployzero.runtime.inspection import SETTLED, status_of, summary_of
from deployzero.runtime.lines import LINE_LIMIT, Lines
from deployzero.runtime.log_entries import LogEntry
from deployzero.runtime.network import Network
from deployzero.runtime.usage import Usage, usage

T = TypeVar("T")
RESTART: Any = {"Name": SETTLED}
"""Back after a crash or an engine restart.

Not `unless-stopped`: an engine that was killed ends, at its next start, the containers
that outlived it, counts that as stopped by hand, and leaves them down (seen on 20.10).
"""
NO_RESTART: Any = {"Name": "no"}
STOP_PAUSE = 0.05


class AddressInUseError(ContainerError):
    """Some container on the network has the fixed address: take another."""


class DockerManager:
    """Containers, networks and images of one instance, by label; others' are never touched."""

    def __init__(self, docker_host: str, instance: str) -> None:
        self._engine = Engine(docker_host)
        self._networks = DockerNetworks(self._engine, instance)
        self._images = DockerImages(self._engine, instance)
        self._logs = DockerLogs(self._engine, instance)
        self._sessions = DockerSessions(self._engine)
        self._instance = instance

    def name_of(self, spec: ContainerSpec) -> str:
        """The engine's name for it, known before it exists, so that a row can name it first."""
        return container_name(self._instance, spec)

    async def ping(self) -> str:
        """The engine's version."""
        return str(await self._engine.call(lambda client: client.version()["Version"], 10))

    # Networks

    async def ensure_network(self, app: str) -> Network:
        return await self._networks.ensure(app)

    async def remove_network(self, app: str) -> None:
        """Idempotent. Raises ContainerError while something is still attached to it."""
        await self._networks.remove(app)

    async def list_networks(self) -> list[str]:
        """The apps that have a network."""
        return await self._networks.apps()

    # Containers

    async def start(self, spec: ContainerSpec) -> str:
        """Create and start; returns the name. What fails or is cancelled leaves nothing.

        Restart policy `no` and `boot_cpus` until `settle`. Raises AddressInUseError when
        the fixed address belongs to another container.
        """
        return await self._on_network(spec, self._start)

    async def _on_network(
        self, spec: ContainerSpec, begin: Callable[[ContainerSpec, Network], Awaitable[T]]
    ) -> T:
        """Once more on a new network, where somebody has deleted it."""
        network = await self.ensure_network(spec.app)
        try:
            return await begin(spec, network)
        except ContainerError as error:
            if f"network {network.name} not found" not in error.message:
                raise
        return await begin(spec, await self._networks.mend(spec.app))

    async def _start(self, spec: ContainerSpec, network: Network) -> str:
        name = self.name_of(spec)
        await self._made(spec, network, start=True)
        return name

    async def _made(self, spec: ContainerSpec, network: Network, *, start: bool) -> None:
        """Create it, and start it. A thread cannot be cancelled: then what it did is undone."""
        name = self.name_of(spec)
        published = free_port() if self._networks.published and spec.address else None
        config = container_config(self._instance, spec, network.name, published=published)
        making = asyncio.ensure_future(
            self._engine.call(lambda client: _create(client, config, name, start))
        )
        try:
            await asyncio.shield(making)
        except asyncio.CancelledError:
            await asyncio.wait({making})
            await self.remove(name)
            raise

    async def attach(self, spec: ContainerSpec) -> Attachment:
        """Start a container whose input and output the caller holds (`spec.attached`).

        The caller ends it. What fails or is cancelled leaves nothing.
        """
        return await self._on_network(spec, self._attach)

    async def _attach(self, spec: ContainerSpec, network: Network) -> Attachment:
        name = self.name_of(spec)
        await self._made(spec, network, start=False)
        try:
            return await self._sessions.attach(name, spec.terminal, lambda: self.remove(name))
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self.remove(name)))
            raise

    async def execute(
        self, name: str, command: tuple[str, ...], environment: dict[str, str], terminal: bool
    ) -> Attachment:
        """Start a program in a running container of ours. The caller ends it.

        Raises ContainerError when the container does not run.
        """
        await self._engine.call(lambda client: self._check_ours(client, name))
        return await self._sessions.execute(name, command, environment, terminal)

    async def settle(self, name: str, cpus: float) -> None:
        """Make a live container an ordinary one: its limit, and back after an engine restart."""

        def update(client: APIClient) -> None:
            self._check_ours(client, name)
            client.update_container(
                name,
                cpu_period=CPU_PERIOD,
                cpu_quota=cpu_quota(cpus),
                cpu_shares=LIVE_SHARES,
                restart_policy=RESTART,
            )

        await self._engine.call(update)

    async def run(self, spec: ContainerSpec, on_line: Callable[[str], None], timeout: float) -> int:
        """Run to its end, handing over its lines as they come; returns the exit status.

        The container is removed in all cases. Raises ContainerError when `timeout` seconds
        are over.
        """
        name = await self.start(spec)
        try:
            async with asyncio.timeout(timeout):
                lines = Lines()
                async for chunk in self._engine.stream(lambda client: _follow(client, name)):
                    for line in lines.feed(chunk):
                        on_line(line)
                for line in lines.end():
                    on_line(line)
                return await self._engine.call(lambda client: _exit_code(client, name))
        except TimeoutError as error:
            raise ContainerError(
                f"the {spec.process} command did not end within {timeout:g}s",
                "Make it quicker, or do the work in the background once the app is live.",
            ) from error
        finally:
            await asyncio.shield(asyncio.ensure_future(self.remove(name)))

    async def stop(self, name: str, grace: float) -> None:
        """Its stop signal (SIGTERM), then SIGKILL after `grace` seconds. Idempotent.

        It stays down then, after an engine restart too. The wait holds no thread.
        """
        if not await self._engine.call(lambda client: self._ask_to_stop(client, name)):
            return
        until = time.monotonic() + grace
        while time.monotonic() < until:
            status = await self.status(name)
            if status is None or not status.running:
                break
            await asyncio.sleep(STOP_PAUSE)
        await self._engine.call(lambda client: _stop_now(client, name))

    def _ask_to_stop(self, client: APIClient, name: str) -> bool:
        found = self._inspect(client, name)
        if found is None or not (found["State"]["Running"] or found["State"]["Restarting"]):
            return False
        try:
            client.update_container(name, restart_policy=NO_RESTART)
            client.kill(name, found["Config"].get("StopSignal") or "SIGTERM")
        except APIError as error:
            if "is not running" not in str(error.explanation):
                raise
        return True

    async def remove(self, name: str) -> None:
        """Kill it if it runs, and remove it with its anonymous volumes. Idempotent."""

        def remove(client: APIClient) -> None:
            if not self._check_ours(client, name):
                return
            try:
                client.remove_container(name, force=True, v=True)
            except NotFound:
                return
            except APIError as error:
                if "already in progress" not in str(error.explanation):
                    raise
                # Somebody else's: its network and address are free once that is done.
                with contextlib.suppress(NotFound):
                    client.wait(name, condition="removed")

        await self._engine.call(remove)

    async def status(self, name: str) -> ContainerStatus | None:
        """None: there is no such container of ours."""
        return await self._engine.call(lambda client: self._status(client, name))

    async def usage(self, name: str) -> Usage | None:
        """CPU and memory now, over half a second; None: it does not run."""
        return await usage(self._engine, name)

    async def reach(self, name: str, address: str, port: int) -> tuple[str, int]:
        """Host and port where this host reaches a container's port.

        Its own address, without an engine call; where that is out of reach, the port that
        is published on loopback, which is the container's for its whole life.
        """
        if not self._networks.published:
            return address, port
        found = await self._engine.call(lambda client: client.port(name, port))
        if not found:
            raise ContainerError(f"port {port} of {name} is not published", "Deploy it again.")
        return "127.0.0.1", int(found[0]["HostPort"])

    async def logs_tail(self, name: str, lines: int = 50) -> list[str]:
        """Its last lines, both streams; empty when there is no such container."""

        def tail(client: APIClient) -> bytes:
            try:
                return bytes(client.logs(name, stdout=True, stderr=True, tail=lines))
            except NotFound:
                return b""

        text = (await self._engine.call(tail)).decode(errors="replace")
        return [line[:LINE_LIMIT] for line in text.splitlines()][-lines:]

    async def list_containers(self, *marks: str) -> list[ContainerSummary]:
        """All of this instance, stopped ones and one-off runs included.

        marks: only those with these labels too, `deployzero.app=hello` or a name alone.
        """
        wanted = [self._label, labels.PROCESS, *marks]

        def listed(client: APIClient) -> list[dict[str, Any]]:
            return list(client.containers(all=True, filters={"label": wanted}))

        return [summary_of(found) for found in await self._engine.call(listed)]

    async def find(self, name: str) -> ContainerSummary | None:
        """One of ours by its name; None: there is none."""
        wanted = {"label": [self._label, labels.PROCESS], "name": [f"^/{name}$"]}

        def listed(client: APIClient) -> list[dict[str, Any]]:
            return list(client.containers(all=True, filters=wanted))

        return next((summary_of(found) for found in await self._engine.call(listed)), None)

    def logs(
        self, container: str, *, since: str = "", tail: int | None = None, follow: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[list[LogEntry]]]:
        """Its log in batches, as the engine keeps it; entered once the engine has begun to answer.

        since: a `LogEntry.at`, which is included. follow: until it stops. Raises
        NoSuchContainerError; holds no thread.
        """
        return self._logs.read(container, since, tail, follow)

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[ContainerEvent]]:
        """What happens to containers of ours from now on, until the engine ends; no thread."""
        return self._logs.events()

    # Images

    async def list_images(self) -> list[Image]:
        """Images that carry this instance's label."""
        return await self._images.every()

    async def remove_image(self, tag: str) -> None:
        """Idempotent. Raises ContainerError while a container uses it."""
        await self._images.remove(tag)

    def close(self) -> None:
        self._engine.close()

    @property
    def _label(self) -> str:
        return f"{labels.INSTANCE}={self._instance}"

    def _inspect(self, client: APIClient, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = client.inspect_container(name)
        except NotFound:
            return None
        marks = found["Config"]["Labels"] or {}
        # A container inherits its image's labels, but no image has the process label.
        if marks.get(labels.INSTANCE) != self._instance or labels.PROCESS not in marks:
            raise foreign(name)
        return found

    def _check_ours(self, client: APIClient, name: str) -> bool:
        """False: it is gone. Raises ContainerError when it is somebody else's."""
        return self._inspect(client, name) is not None

    def _status(self, client: APIClient, name: str) -> ContainerStatus | None:
        found = self._inspect(client, name)
        return status_of(name, found) if found else None


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _create(client: APIClient, config: dict[str, Any], name: str, start: bool) -> None:
    try:
        created = client.create_container_from_config(config, name)  # type: ignore[no-untyped-call]
    except NotFound as error:
        raise ContainerError(
            f"the image {config['Image']} is not on the engine", "Push again to build it."
        ) from error
    if not start:
        return
    try:
        client.start(created["Id"])
    except BaseException as error:
        client.remove_container(created["Id"], force=True, v=True)
        if isinstance(error, APIError):
            raise _not_started(error) from error
        raise


def _not_started(error: APIError) -> ContainerError:
    reason = str(error.explanation or error).strip()
    if "Address already in use" in reason:
        return AddressInUseError("the container's address is in use", "Deploy it again.")
    return ContainerError(
        f"the container did not start: {reason.splitlines()[0]}",
        "Check the start command and the image.",
    )


def _stop_now(client: APIClient, name: str) -> None:
    with contextlib.suppress(NotFound):
        client.stop(name, timeout=0)


def _follow(client: APIClient, name: str) -> Iterator[bytes]:
    stream: Iterator[bytes] = client.logs(name, stdout=True, stderr=True, stream=True, follow=True)
    return stream


def _exit_code(client: APIClient, name: str) -> int:
    return int(client.wait(name)["StatusCode"])
