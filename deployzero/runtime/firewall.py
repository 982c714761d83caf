"""What containers of this instance may not reach: the host's control ports, cloud metadata.

Rules live in a chain of our own and match by the bridges' name, which a container cannot
forge. Docker itself keeps apps' networks apart and lets nothing in from outside. The steps
of a build run on docker's default bridge, so the same holds there, and for whatever else
is on it: it loses cloud metadata and the two ports of ours, nothing more.
"""

import asyncio
from collections.abc import Sequence

from deployzero.runtime.docker_networks import bridge_prefix
from deployzero.runtime.labels import instance_key

METADATA = "169.254.169.254"
BUILDS = "docker0"
TIMEOUT = 10
"""Seconds for one iptables command, the wait for its lock included."""


class Firewall:
    """Chains `DEPLOYZERO-<key>-IN` (host ports, from INPUT) and `-FW` (from DOCKER-USER)."""

    def __init__(self, instance: str) -> None:
        self._bridges = (bridge_prefix(instance) + "+", BUILDS)
        name = f"DEPLOYZERO-{instance_key(instance)}"
        self._chains = {"INPUT": f"{name}-IN", "DOCKER-USER": f"{name}-FW"}

    async def apply(self, ports: Sequence[int]) -> str | None:
        """Put the rules in force; idempotent. Returns why it could not, in one line."""
        listed = ",".join(str(port) for port in sorted(set(ports)))
        control = ["-p", "tcp", "-m", "multiport", "--dports", listed]
        rules = {"INPUT": [control] if listed else [], "DOCKER-USER": [["-d", METADATA]]}
        for parent, chain in self._chains.items():
            await _iptables("-N", chain)  # fails when it is there already, which is as well
            commands = [["-F", chain]]
            commands += [
                ["-A", chain, "-i", bridge, *rule, "-j", "REJECT"]
                for rule in rules[parent]
                for bridge in self._bridges
            ]
            if await _iptables("-C", parent, "-j", chain):
                commands.append(["-I", parent, "1", "-j", chain])
            for command in commands:
                if error := await _iptables(*command):
                    return error
        return None

    async def remove(self) -> None:
        """Take the rules away. Idempotent."""
        for parent, chain in self._chains.items():
            while not await _iptables("-D", parent, "-j", chain):
                pass
            await _iptables("-F", chain)
            await _iptables("-X", chain)


async def _iptables(*args: str) -> str:
    """'' when it worked, else its first line of complaint."""
    command = ("iptables", "-w", "5", *args)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        return f"iptables does not run: {error.strerror}"
    try:
        async with asyncio.timeout(TIMEOUT):
            _, errors = await process.communicate()
    except BaseException as error:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(error, TimeoutError):
            return f"{' '.join(command)} did not end within {TIMEOUT}s"
        raise
    if process.returncode == 0:
        return ""
    lines = errors.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"{' '.join(command)} failed"
