"""When API keys were last used, written down behind the requests that use them."""

import asyncio
import datetime as dt
import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from deployzero.errors import DeployZeroException
from deployzero.models.api_key import APIKey
from deployzero.store import api_keys
from deployzero.store.database import Database

logger = logging.getLogger(__name__)

PRECISION = dt.timedelta(minutes=1)


class KeyUses:
    """Notes uses in one task, at most once a minute a key. Close it at the end.

    A request neither waits for that nor fails by it: while the database cannot be written,
    uses are lost, with a word in the log.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: dict[int, dt.datetime] = {}
        """By key id: what is to be written."""
        self._noted: dict[int, float] = {}
        """By key id: `time.monotonic()` of the last one, written or lost."""
        self._writing: asyncio.Task[None] | None = None

    def note(self, key: APIKey) -> None:
        """It is used just now. Never waits."""
        now, at = time.monotonic(), dt.datetime.now(dt.UTC)
        if key.last_used_at is not None and key.last_used_at > at - PRECISION:
            return
        if now - self._noted.get(key.id, -PRECISION.total_seconds()) < PRECISION.total_seconds():
            return
        self._noted[key.id], self._used[key.id] = now, at
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def written(self) -> None:
        """Returns once all that was noted is written, or lost."""
        if self._writing is not None:
            await asyncio.wait({self._writing})

    async def close(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write(self) -> None:
        while self._used:
            used, self._used = self._used, {}
            try:
                async with self._database.begin(durable=False) as session:
                    await api_keys.set_used(session, used)
            except (DeployZeroException, SQLAlchemyError) as error:
                logger.warning("when API keys were last used is not written: %s", error)
        before = time.monotonic() - PRECISION.total_seconds()
        self._noted = {key: at for key, at in self._noted.items() if at > before}
