"""One bridge network an app, on a subnet of deployzero's own pool."""

import itertools
import socket
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from deployzero.errors import ContainerError
from deployzero.runtime import labels
from deployzero.runtime.engine import Engine
from deployzero.runtime.network import (
    Network,
    dynamic_range,
    free_subnets,
    gateway_of,
    routed_subnets,
)

TRIES = 32
"""Subnets to try when the engine says that one overlaps with what we cannot see."""


class DockerNetworks:
    """The networks of one instance. Known ones are remembered: no call on the warm path."""

    def __init__(self, engine: Engine, instance: str) -> None:
        self._engine = engine
        self._instance = instance
        self._known: dict[str, Network] = {}
        self.published = False
        """The host cannot reach container addresses; decided at the first network."""

    def name_of(self, app: str) -> str:
        return f"deployzero-{labels.instance_key(self._instance)}.{app}"

    async def ensure(self, app: str) -> Network:
        if app not in self._known:
            network = await self._engine.call(lambda client: self._find_or_create(client, app))
            self.published = not is_local(network.gateway)
            self._known[app] = network
        return self._known[app]

    async def mend(self, app: str) -> Network:
        """Make the network again that somebody deleted, on the subnet that it had."""
        old = self._known.pop(app, None)
        subnet = old.subnet if old else None
        network = await self._engine.call(lambda client: self._find_or_create(client, app, subnet))
        self._known[app] = network
        return network

    async def remove(self, app: str) -> None:
        """Idempotent. Raises ContainerError while something is still attached to it."""
        self._known.pop(app, None)
        await self._engine.call(lambda client: self._remove(client, app))

    async def apps(self) -> list[str]:
        """The apps that have a network."""
        found = await self._engine.call(lambda client: self._list(client))
        return [str(network["Labels"][labels.APP]) for network in found]

    def _list(self, client: APIClient, app: str | None = None) -> list[dict[str, Any]]:
        wanted = [f"{labels.INSTANCE}={self._instance}", labels.APP]
        if app is not None:
            wanted[1] = f"{labels.APP}={app}"
        return list(client.networks(filters={"label": wanted}))

    def _find_or_create(self, client: APIClient, app: str, subnet: str | None = None) -> Network:
        for found in self._list(client, app):
            config = found["IPAM"]["Config"][0]
            return Network(str(found["Name"]), config["Subnet"], config["Gateway"])
        candidates = [subnet] if subnet else []
        used = [*routed_subnets(), *_subnets(client)]
        candidates += itertools.islice(free_subnets(used), TRIES)
        for candidate in candidates:
            if self._create(client, app, candidate):
                return Network(self.name_of(app), candidate, gateway_of(candidate))
        raise ContainerError(
            "no address range is left for the app's network",
            "Remove networks that nobody uses: `docker network ls`.",
        )

    def _create(self, client: APIClient, app: str, subnet: str) -> bool:
        """False when the subnet is taken by something else."""
        pool = IPAMPool(subnet=subnet, iprange=dynamic_range(subnet), gateway=gateway_of(subnet))
        try:
            client.create_network(
                self.name_of(app),
                driver="bridge",
                ipam=IPAMConfig(pool_configs=[pool]),
                check_duplicate=True,
                labels={labels.INSTANCE: self._instance, labels.APP: app},
                options={"com.docker.network.bridge.name": bridge_name(self._instance, app)},
            )
        except APIError as error:
            if "overlaps" in str(error.explanation):
                return False
            raise
        return True

    def _remove(self, client: APIClient, app: str) -> None:
        for found in self._list(client, app):
            try:
                client.remove_network(found["Id"])
            except NotFound:
                continue
            except APIError as error:
                if "active endpoints" not in str(error.explanation):
                    raise
                raise ContainerError(
                    f"the last containers of {app} are ending, or others are on its network",
                    f"Disconnect the others: `docker network inspect {found['Name']}` lists them.",
                ) from error


def bridge_prefix(instance: str) -> str:
    """What every bridge of an instance begins with, for the firewall."""
    return f"dz{labels.instance_key(instance)[:4]}-"


def bridge_name(instance: str, app: str) -> str:
    """15 characters, the most that Linux allows."""
    return bridge_prefix(instance) + labels.instance_key(app)


def is_local(address: str) -> bool:
    """Whether an address is this host's own, so that its network is in reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _subnets(client: APIClient) -> list[str]:
    configs = (config for net in client.networks() for config in net["IPAM"]["Config"] or ())
    return [c["Subnet"] for c in configs if ":" not in c.get("Subnet", ":")]
