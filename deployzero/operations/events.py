"""The audit log: who did what, from which key, when, with what result."""

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException
from deployzero.models.access import Role
from deployzero.models.deployment import User
from deployzero.models.event import Event
from deployzero.operations.access import require
from deployzero.source.channel import ClientGoneError
from deployzero.source.lines import printable
from deployzero.store import events, projects, users

logger = logging.getLogger(__name__)

TOPIC = "events"
"""On the bus: there are new ones."""
OK = "ok"
LONGEST_DETAIL = 500
LONGEST_APP = 50
LONGEST_NAME = 64
MOST = 10_000
PAGE = 500
LOOK_SECONDS = 15.0
"""Another process's events wake nobody here; the server writes nearly all of them itself."""
REST_SECONDS = 0.5
"""Between two looks of a follower, so that many of them and many events do not multiply."""


@dataclass(slots=True)
class Entry:
    """What is being recorded; what runs may say more precisely how it ended, and what it did."""

    app: str
    project_id: int | None
    """The app that the name meant at the beginning; None: there was none."""
    detail: str
    result: str = OK
    left: str = "the client went away"
    """Its result if the client leaves before the end."""


@asynccontextmanager
async def recorded(
    platform: Platform,
    user: User,
    *,
    action: str,
    app: str = "",
    detail: str = "",
    refusals_only: bool = False,
) -> AsyncIterator[Entry]:
    """Record how the block ended: refused, failed, left, or with the entry's `result`.

    refusals_only: only if it was refused. Otherwise it is recorded as under way first, so that
    a kill hides nobody's work. What cannot be recorded (a full disk) is logged: the block's own
    end stands.
    """
    entry = Entry(app, await _project_id(platform, app), detail)
    begun = None if refusals_only else await _begin(platform, user, action, entry)
    try:
        yield entry
    except DeployZeroException as error:
        await _end(platform, user, action, entry, error.message, begun)
        raise
    except BaseException as error:
        if not refusals_only:
            await _end(platform, user, action, entry, _ended_early(entry, error), begun)
        raise
    if not refusals_only:
        await _end(platform, user, action, entry, entry.result, begun)


def _ended_early(entry: Entry, error: BaseException) -> str:
    if isinstance(error, OSError | ClientGoneError):
        return entry.left
    return "ended early" if isinstance(error, asyncio.CancelledError) else "internal error"


async def _project_id(platform: Platform, app: str) -> int | None:
    if not app:
        return None
    async with platform.database.read() as session:
        project = await projects.by_name(session, app)
    return project.id if project else None


async def list_events(
    platform: Platform,
    user: User,
    app: str | None = None,
    most: int = 50,
    before: int | None = None,
) -> list[Event]:
    """The latest `most`, oldest first: of one app, or of all that the user may see.

    before: only those with a lower id. Admins see everything, of apps that are no more too; who
    views an app sees its own events, under earlier names too; an app's key sees that app's.
    Raises NotFoundError.
    """
    only = await _only(platform, user, app)
    async with platform.database.read() as session:
        return await events.latest(
            session,
            min(most, MOST),
            app=app,
            user_id=only,
            project_id=user.only_project,
            before=before,
        )


async def follow_events(
    platform: Platform, user: User, app: str | None = None, most: int = 50
) -> AsyncIterator[Event]:
    """The latest `most`, then each new one as it comes, without an end."""
    with platform.bus.subscribe(TOPIC) as woken:
        async with platform.database.read() as session:
            last = await events.last_id(session)
        for event in await list_events(platform, user, app, most):
            last = max(last, event.id)
            yield event
        only = None if user.role == users.ADMIN else user.id
        while True:  # which apps are theirs is asked anew each time
            woken.clear()
            async with platform.database.read() as session:
                page = await events.after(
                    session, last, PAGE, app=app, user_id=only, project_id=user.only_project
                )
            for event in page:
                last = event.id
                yield event
            if len(page) < PAGE:
                await asyncio.sleep(REST_SECONDS)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await woken.wait()


async def _only(platform: Platform, user: User, app: str | None) -> int | None:
    """The id of the user whose apps' events alone may be shown; None: an admin's."""
    if app is not None and (user.role != users.ADMIN or user.only_project is not None):
        async with platform.database.read() as session:
            await require(session, user, app, Role.VIEWER)
    return None if user.role == users.ADMIN else user.id


Begun = tuple[int, dt.datetime]
"""Id and time of the row that says that it is under way."""


async def _begin(platform: Platform, user: User, action: str, entry: Entry) -> Begun | None:
    at = dt.datetime.now(dt.UTC)
    row = await _add(platform, user, action, entry, events.UNDER_WAY, at)
    return None if row is None else (row, at)


async def _end(
    platform: Platform, user: User, action: str, entry: Entry, result: str, begun: Begun | None
) -> None:
    replaced, at = begun or (None, dt.datetime.now(dt.UTC))
    if await _add(platform, user, action, entry, result, at, replaced) is not None:
        platform.bus.publish(TOPIC)


async def _add(
    platform: Platform,
    user: User,
    action: str,
    entry: Entry,
    result: str,
    at: dt.datetime,
    replaced: int | None = None,
) -> int | None:
    """The new row's id; None: it cannot be recorded. replaced: the row that it is in place of."""
    try:
        project_id = entry.project_id or await _project_id(platform, entry.app)  # made just now
        async with platform.database.begin() as session:
            if replaced is not None:
                await events.remove(session, [replaced])
            return await events.add(
                session,
                user=user.name,
                key_fingerprint=user.key_fingerprint,
                action=_clean(action, LONGEST_NAME),
                app=_clean(entry.app, LONGEST_APP),
                project_id=project_id,
                detail=_clean(entry.detail, LONGEST_DETAIL),
                result=_clean(result, LONGEST_DETAIL),
                at=at,
            )
    except (DeployZeroException, SQLAlchemyError) as error:
        logger.error("not in the audit log: %s's %s %s: %s", user.name, action, entry.app, error)
        return None


def _clean(text: str, longest: int) -> str:
    """One printable line of at most `longest` characters."""
    line = printable(text[: longest * 2])
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
