"""The TCP sockets of a container, read from the host through its init's /proc entry.

All processes of a container share its network namespace, so any pid of it will do.
"""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
ESTABLISHED, LISTEN = "01", "0A"
DOCKER_DNS = "127.0.0.11"
"""Docker's own resolver listens there in every container of a user-defined network."""


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    address: str
    port: int

    @property
    def everywhere(self) -> bool:
        return self.address in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound

    def __str__(self) -> str:
        return (
            f"[{self.address}]:{self.port}"
            if ":" in self.address
            else (f"{self.address}:{self.port}")
        )


def listeners(pid: int, proc: Path = PROC) -> list[Listener]:
    """What listens in the container; empty when it is gone or on another host."""
    return sorted(
        Listener(address, port)
        for address, port, state in _sockets(pid, proc)
        if state == LISTEN and address != DOCKER_DNS
    )


def established(pid: int, port: int, proc: Path = PROC) -> int | None:
    """How many connections to a port of the container are open; None: it cannot be read."""
    if not (proc / str(pid) / "net" / "tcp").exists():
        return None
    return sum(state == ESTABLISHED and local == port for _, local, state in _sockets(pid, proc))


def _sockets(pid: int, proc: Path) -> list[tuple[str, int, str]]:
    found = []
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / str(pid) / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            found.append((_address(address), int(port, 16), fields[3]))
    return found


def _address(text: str) -> str:
    """The kernel's hex: 32-bit words in the host's (little-endian) order."""
    words = [text[i : i + 8] for i in range(0, len(text), 8)]
    packed = b"".join(bytes.fromhex(word)[::-1] for word in words)
    address = ipaddress.ip_address(packed)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
