"""Addresses: which subnet an app's network gets, and which address a container gets."""

import ipaddress
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deployzero.errors import ContainerError

POOLS = tuple(map(ipaddress.IPv4Network, ("10.208.0.0/12", "172.24.0.0/13", "192.168.128.0/17")))
"""Where subnets come from: the first pool with room that the host does not route already."""
PREFIX = 24
ROUTES = Path("/proc/net/route")


@dataclass(frozen=True, slots=True)
class Network:
    """An app's bridge network.

    The lower half of its subnet is for fixed addresses, the upper half for what docker
    hands out by itself (one-off runs, a database that joins), so the two never meet.
    """

    name: str
    subnet: str
    gateway: str


def dynamic_range(subnet: str) -> str:
    """The upper half of a subnet."""
    return str(list(ipaddress.IPv4Network(subnet).subnets(prefixlen_diff=1))[1])


def gateway_of(subnet: str) -> str:
    return str(ipaddress.IPv4Network(subnet)[1])


def free_address(network: Network, taken: Collection[str], after: str | None = None) -> str:
    """A fixed address that is not taken, going round from the one after `after`.

    `taken`: whatever a route, a stored row or a container still names. Raises ContainerError
    when all are taken.
    """
    lower = next(ipaddress.IPv4Network(network.subnet).subnets(prefixlen_diff=1))
    addresses = [str(address) for address in lower][1:]
    start = addresses.index(after) + 1 if after in addresses else 0
    for address in addresses[start:] + addresses[:start]:
        if address != network.gateway and address not in taken:
            return address
    raise ContainerError(
        f"all {len(addresses) - 1} addresses of the network {network.name} are taken",
        "Scale the app down, or wait until its old containers are gone.",
    )


def free_subnets(used: Iterable[str]) -> Iterator[str]:
    """Subnets of the pools that overlap none of the used ones, in order."""
    blocks = [ipaddress.IPv4Network(subnet, strict=False) for subnet in used]
    for pool in POOLS:
        near = [block for block in blocks if block.overlaps(pool)]
        for subnet in pool.subnets(new_prefix=PREFIX):
            if not any(subnet.overlaps(block) for block in near):
                yield str(subnet)


def routed_subnets(routes: Path = ROUTES) -> list[str]:
    """What the host routes already, its default route aside; nothing where there is no /proc."""
    try:
        lines = routes.read_text().splitlines()[1:]
    except OSError:
        return []
    fields = (line.split() for line in lines)
    pairs = ((_address(f[1]), _address(f[7])) for f in fields if len(f) > 7)
    return [f"{target}/{mask}" for target, mask in pairs if mask != "0.0.0.0"]  # noqa: S104


def _address(little_endian: str) -> str:
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(little_endian)))
