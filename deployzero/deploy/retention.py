"""How long the audit log goes back."""

import datetime as dt

from deployzero.deploy.platform import Platform
from deployzero.store import events

DAYS = 400
"""More than a year, so that what comes once a year can be compared."""
MOST = 400_000
"""Ids, of which what changes something takes two: some 50 MB. Members, whose refusals are
recorded too, can fill no disk with them."""
BATCH = 1000
"""Deleted in one transaction: it holds the others off for some milliseconds."""


async def prune_events(platform: Platform) -> None:
    """Delete a batch of the oldest events, if they are too old or too many."""
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=DAYS)
    async with platform.database.read() as session:
        doomed = await events.beyond(session, before, MOST, BATCH)
    if doomed:
        async with platform.database.begin() as session:
            await events.remove(session, doomed)
