"""A deployment that a command started, followed as a push is."""

from deployzero.operations import changes
from deployzero.ssh.commands.tree import Caller


async def follow(caller: Caller, deployment_id: int) -> int:
    """Print the deployment's log until it has ended; returns 0 if it went live, else 1.

    Who hangs up leaves it running.
    """
    async for line in changes.follow(caller.platform, deployment_id):
        caller.print(line)
        await caller.streams.stdout.drain()
    outcome = await changes.outcome(caller.platform, deployment_id)
    return 0 if outcome.live else 1
