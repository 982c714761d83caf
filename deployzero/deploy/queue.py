"""What the doors tell the worker; the queue itself is the `deployments` table."""

import asyncio


class Queue:
    """Used on the event loop only. Another process's rows the worker sees by itself."""

    def __init__(self) -> None:
        self._wake = asyncio.Event()
        self._cancels: dict[int, str] = {}

    def wake(self) -> None:
        """There may be something to claim."""
        self._wake.set()

    async def woken(self) -> None:
        """Wait for the next `wake` or `cancel`."""
        await self._wake.wait()
        self._wake.clear()

    def cancel(self, deployment_id: int, by: str) -> None:
        """Ask the worker to stop a deployment that is under way. by: who asks."""
        self._cancels[deployment_id] = by
        self._wake.set()

    def take_cancels(self) -> dict[int, str]:
        """Id to who asked, since the last call."""
        taken, self._cancels = self._cancels, {}
        return taken
