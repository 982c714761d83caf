"""API keys: what signs in over HTTP. They are random, so a plain SHA-256 of them is kept."""

import datetime as dt
import hashlib
import secrets

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, NotFoundError, UsageError
from deployzero.models.access import Role, Scope
from deployzero.models.api_key import APIKey
from deployzero.models.deployment import User
from deployzero.operations.access import PEOPLE, hold_user, require, require_scope
from deployzero.operations.people import ADMIN, keep_an_admin, was_taken
from deployzero.source.lines import printable
from deployzero.store import api_keys

BEGINNING = "dz_"
"""By which secret scanners know them."""
PREFIX = 11
LONGEST = 200
"""Characters of a key that are looked at."""
LONGEST_NAME = 100
MOST = 100
"""Keys of one user."""
MOST_DAYS = 3650


async def authenticate(platform: Platform, key: str, *, of_browser: bool = False) -> User | None:
    """The user whose key this is, with the key's scope; None for one that is unknown or expired.

    of_browser: a session's cookie, which is no key, nor is a key a cookie.
    """
    async with platform.database.read() as session:
        found = await api_keys.by_sha256(session, digest(key[:LONGEST]))
    if found is None:
        return None
    user, row = found
    if _expired(row) or row.session != of_browser:
        return None
    platform.key_uses.note(row)
    return user


async def still_signed_in(platform: Platform, user: User) -> bool:
    """False once the key, or the browser's session, that signed them in is gone or has expired,
    they were removed, or are no admin any more. Who came over SSH is not asked about here."""
    if user.api_key_id is None:
        return True
    async with platform.database.read() as session:
        found = await api_keys.by_id(session, user.api_key_id)
    return found is not None and not _expired(found[1]) and not was_taken(user, found[0])


async def list_keys(platform: Platform, user: User) -> list[APIKey]:
    """One's own, oldest first, those that have expired too."""
    require_scope(user, Scope.ADMIN)
    async with platform.database.read() as session:
        return await api_keys.of_user(session, user.id)


async def create(
    platform: Platform,
    user: User,
    name: str,
    scope: Scope = Scope.DEPLOY,
    project: str | None = None,
    expires_in_days: int | None = None,
) -> tuple[APIKey, str]:
    """Make a key of one's own; returns it with what is shown once.

    project: the name of the only app that it may touch; the user must see it. Raises
    UsageError for a bad name or number of days, ConflictError for one key too many.
    """
    require_scope(user, Scope.ADMIN)
    _check_name(name)
    if expires_in_days is not None and not 1 <= expires_in_days <= MOST_DAYS:
        raise UsageError(f"a key lives 1 to {MOST_DAYS} days", "Without a number it has no end.")
    days = None if expires_in_days is None else dt.timedelta(days=expires_in_days)
    async with platform.database.begin() as session:
        await hold_user(session, user.name, alone=True)
        only = await require(session, user, project, Role.VIEWER) if project is not None else None
        return await issue(
            session,
            user,
            name,
            scope=scope,
            project_id=only.id if only else None,
            expires_at=None if days is None else dt.datetime.now(dt.UTC) + days,
        )


async def remove(platform: Platform, user: User, key_id: int) -> APIKey:
    """Remove one of one's own; what runs by it ends.

    Raises NotFoundError; ConflictError if no admin could sign in any more.
    """
    require_scope(user, Scope.ADMIN)
    async with platform.database.begin() as session:
        own = await api_keys.of_user(session, user.id)
        found = next((key for key in own if key.id == key_id), None)
        if found is None:
            raise NotFoundError(f"you have no API key {key_id}", "`apikeys:list` shows yours.")
        await api_keys.remove(session, found.id)
        if user.role == ADMIN:
            await keep_an_admin(session, user.name)
    platform.bus.publish(PEOPLE)
    return found


async def issue(
    session: AsyncSession,
    user: User,
    name: str,
    *,
    scope: Scope = Scope.ADMIN,
    project_id: int | None = None,
    expires_at: dt.datetime | None = None,
    of_browser: bool = False,
) -> tuple[APIKey, str]:
    """Make a key of the user's; returns it with what is shown once. Whether it may be made is
    the caller's to check, and that its name is printable. Raises ConflictError for one too many.
    """
    if of_browser:
        await api_keys.remove_expired(session, user.id, sessions=True)
    else:
        await _make_room(session, user)
    key = BEGINNING + secrets.token_urlsafe(32)
    row = await api_keys.add(
        session,
        user.id,
        name=name[:LONGEST_NAME],
        sha256=digest(key),
        prefix=key[:PREFIX],
        scope=scope,
        project_id=project_id,
        expires_at=expires_at,
        of_browser=of_browser,
    )
    return row, key


async def _make_room(session: AsyncSession, user: User) -> None:
    """Those that have expired go once there are too many."""
    if len(await api_keys.of_user(session, user.id)) < MOST:
        return
    await api_keys.remove_expired(session, user.id, sessions=False)
    if len(await api_keys.of_user(session, user.id)) >= MOST:
        raise ConflictError(
            f"a user has {MOST} API keys at most",
            "Remove those that nobody uses: apikeys:list, apikeys:remove ID",
        )


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or printable(name) != name:
        raise UsageError(
            f"a key's name is 1 to {LONGEST_NAME} printable characters",
            "Say where it is used: laptop, CI of hello.",
        )


def _expired(key: APIKey) -> bool:
    return key.expires_at is not None and key.expires_at <= dt.datetime.now(dt.UTC)


def digest(secret: str) -> str:
    """SHA-256 in hex: what is stored of a secret that is too random to be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
