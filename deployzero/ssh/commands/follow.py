"""A deployment that a command started, followed as a push is."""

from deployzero.models.access import Role
from deployzero.operations import changes
from deployzero.ssh.commands.tree import Caller, while_allowed


async def follow(caller: Caller, deployment_id: int) -> int:
    """Print the deployment's log until it has ended; returns 0 if it went live, else 1.

    Who hangs up leaves it running, and so does who may not see the app any more.
    """
    caller.entry.left = f"the client went away; deployment {deployment_id} went on"
    await while_allowed(caller, _print(caller, deployment_id), Role.VIEWER)
    outcome = await changes.outcome(caller.platform, deployment_id)
    return 0 if outcome.live else 1


async def _print(caller: Caller, deployment_id: int) -> None:
    async for line in changes.follow(caller.platform, deployment_id):
        caller.print(line)
        await caller.streams.stdout.drain()
