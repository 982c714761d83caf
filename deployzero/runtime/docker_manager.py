"""Containers on one Docker Engine: the default Runtime."""

import asyncio
import codecs
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from docker import APIClient
from docker.errors import APIError, ImageNotFound, NotFound

from deployzero.errors import ContainerError
from deployzero.runtime import labels
from deployzero.runtime.container import (
    ContainerSpec,
    ContainerStatus,
    ContainerSummary,
    Image,
    parse_time,
)
from deployzero.runtime.container_config import (
    CPU_PERIOD,
    LIVE_SHARES,
    container_config,
    container_name,
    cpu_quota,
)
from deployzero.runtime.docker_networks import DockerNetworks
from deployzero.runtime.engine import Engine
from deployzero.runtime.network import Network

RESTART: Any = {"Name": "always"}
"""Back after a crash or an engine restart.

Not `unless-stopped`: an engine that was killed ends, at its next start, the containers
that outlived it, counts that as stopped by hand, and leaves them down (seen on 20.10).
"""
NO_RESTART: Any = {"Name": "no"}
STOP_PAUSE = 0.05
LINE_LIMIT = 8192
"""Characters of a log line that are kept together."""


class AddressInUseError(ContainerError):
    """Some container on the network has the fixed address: take another."""


class DockerManager:
    """Containers, networks and images of one instance, by label; others' are never touched."""

    def __init__(self, docker_host: str, instance: str) -> None:
        self._engine = Engine(docker_host)
        self._networks = DockerNetworks(self._engine, instance)
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
        network = await self.ensure_network(spec.app)
        try:
            return await self._start(spec, network)
        except ContainerError as error:
            if f"network {network.name} not found" not in error.message:
                raise
        return await self._start(spec, await self._networks.mend(spec.app))

    async def _start(self, spec: ContainerSpec, network: Network) -> str:
        name = self.name_of(spec)
        published = free_port() if self._networks.published and spec.address else None
        config = container_config(self._instance, spec, network.name, published=published)
        # A thread cannot be cancelled: wait for it, then undo what it did.
        started = asyncio.ensure_future(
            self._engine.call(lambda client: _create_and_start(client, config, name))
        )
        try:
            await asyncio.shield(started)
        except asyncio.CancelledError:
            await asyncio.wait({started})
            await self.remove(name)
            raise
        return name

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

        await self._engine.call(remove)

    async def status(self, name: str) -> ContainerStatus | None:
        """None: there is no such container of ours."""
        return await self._engine.call(lambda client: self._status(client, name))

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

    async def list_containers(self) -> list[ContainerSummary]:
        """All of this instance, stopped ones and one-off runs included."""

        wanted = [self._label, labels.PROCESS]

        def listed(client: APIClient) -> list[dict[str, Any]]:
            return list(client.containers(all=True, filters={"label": wanted}))

        return [_summary(found) for found in await self._engine.call(listed)]

    # Images

    async def list_images(self) -> list[Image]:
        """Images that carry this instance's label."""

        def listed(client: APIClient) -> list[dict[str, Any]]:
            return list(client.images(filters={"label": [self._label]}))

        return [
            Image(i["Id"], tuple(i["RepoTags"] or ()), dict(i["Labels"] or {}), int(i["Size"]))
            for i in await self._engine.call(listed)
        ]

    async def remove_image(self, tag: str) -> None:
        """Idempotent. Raises ContainerError while a container uses it."""

        def remove(client: APIClient) -> None:
            try:
                found = client.inspect_image(tag)  # type: ignore[no-untyped-call]
                if (found["Config"]["Labels"] or {}).get(labels.INSTANCE) != self._instance:
                    raise _foreign(tag)
                client.remove_image(tag)
            except ImageNotFound:
                return

        await self._engine.call(remove)

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
            raise _foreign(name)
        return found

    def _check_ours(self, client: APIClient, name: str) -> bool:
        """False: it is gone. Raises ContainerError when it is somebody else's."""
        return self._inspect(client, name) is not None

    def _status(self, client: APIClient, name: str) -> ContainerStatus | None:
        found = self._inspect(client, name)
        return _status(name, found) if found else None


class Lines:
    """Bytes of both streams to whole lines of text, long ones cut."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, chunk: bytes) -> list[str]:
        *lines, self._rest = (self._rest + self._decoder.decode(chunk)).split("\n")
        while len(self._rest) > LINE_LIMIT:
            lines.append(self._rest[:LINE_LIMIT])
            self._rest = self._rest[LINE_LIMIT:]
        return [line.rstrip("\r") for line in lines]

    def end(self) -> list[str]:
        return [self._rest] if self._rest else []


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _create_and_start(client: APIClient, config: dict[str, Any], name: str) -> None:
    try:
        created = client.create_container_from_config(config, name)  # type: ignore[no-untyped-call]
    except NotFound as error:
        raise ContainerError(
            f"the image {config['Image']} is not on the engine", "Push again to build it."
        ) from error
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


def _foreign(name: str) -> ContainerError:
    return ContainerError(
        f"{name} does not belong to this deployzero",
        "Nothing was touched; it has no label of ours.",
    )


def _status(name: str, found: dict[str, Any]) -> ContainerStatus:
    state = found["State"]
    return ContainerStatus(
        name=name,
        running=bool(state["Running"]) and not state["Restarting"],
        exit_code=int(state["ExitCode"]),
        oom_killed=bool(state["OOMKilled"]),
        pid=int(state["Pid"]),
        started_at=parse_time(state["StartedAt"]),
        finished_at=parse_time(state["FinishedAt"]),
        restarts=int(found["RestartCount"]),
        address=_address(found),
        memory_bytes=int(found["HostConfig"]["Memory"]),
        restarting=bool(state["Restarting"]),
        settled=found["HostConfig"]["RestartPolicy"]["Name"] == RESTART["Name"],
    )


def _summary(found: dict[str, Any]) -> ContainerSummary:
    marks = found["Labels"]
    return ContainerSummary(
        name=found["Names"][0].removeprefix("/"),
        app=marks.get(labels.APP, ""),
        deployment_id=int(marks.get(labels.DEPLOYMENT, "0")),
        process=marks.get(labels.PROCESS, ""),
        index=int(marks.get(labels.INDEX, "0")),
        image=found["Image"],
        running=found["State"] == "running",
        address=_address(found),
    )


def _address(found: dict[str, Any]) -> str:
    """The fixed address, which a stopped container keeps; else the one that it has now."""
    for endpoint in found["NetworkSettings"]["Networks"].values():
        fixed = (endpoint.get("IPAMConfig") or {}).get("IPv4Address", "")
        return str(fixed or endpoint.get("IPAddress") or "")
    return ""
