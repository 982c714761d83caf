"""Destroys and renames that a kill or a lost engine cut off are brought to their end."""

import datetime as dt

from deployzero.deploy.destroy import destroy
from deployzero.deploy.platform import Platform
from deployzero.deploy.rename import finish_rename, names_are_held
from deployzero.errors import DeployZeroException
from deployzero.store import projects

BUSY = 15.0
"""Seconds for which a change of an app belongs to whoever asked for it."""


async def complete(platform: Platform, busy: float = BUSY) -> list[str]:
    """Finish what nobody has finished. What fails is returned in words, and left for the next
    time."""
    async with platform.database.read() as session:
        before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=busy)
        unsettled = await projects.unsettled(session, before)
    failures = []
    for project in unsettled:
        if names_are_held(platform, project.id):  # whoever asked for it is still at it
            continue
        try:
            if project.destroying:
                await destroy(platform, project.id)
            else:
                await finish_rename(platform, project.id)
        except DeployZeroException as error:
            failures.append(f"{project.name} is not done with yet: {error.message}")
    return failures
