"""Sign in with a password, for a key or a browser's session; registration.py makes accounts."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.errors import ForbiddenError, UnauthenticatedError
from deployzero.models.access import Scope
from deployzero.models.api_key import APIKey
from deployzero.models.deployment import User
from deployzero.operations import api_keys, passwords, throttle
from deployzero.operations.access import PEOPLE, require_scope
from deployzero.operations.events import recorded
from deployzero.operations.people import NAME
from deployzero.settings import Settings
from deployzero.source.lines import printable
from deployzero.store import api_keys as stored_keys
from deployzero.store import invitations, projects, users

KEY_LIVES = dt.timedelta(days=365)
SESSION_LIVES = dt.timedelta(days=14)
MOST_ALIKE = 50
"""Keys of one name, or sessions of one browser, that signing in leaves: the oldest go."""
NOBODY = User(0, "-", users.MEMBER)
"""For the audit log, who has no account, or none that is there: what was typed as a user name
may be a password."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A new key, and whose it is."""

    user: User
    key: APIKey
    api_key: str = field(repr=False)
    """The key itself: shown once."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in, and by what."""

    user: User
    has_password: bool
    project_name: str | None
    """The only app that their key may touch; None: all of theirs."""


async def login(
    platform: Platform,
    username: str,
    password: str,
    *,
    address: str,
    name: str = "",
    agent: str = "",
) -> Credentials:
    """A new key of full scope for a year. name: the key's; else the client's (`agent`).

    Raises UnauthenticatedError, one for all that can be wrong, and TooManyRequestsError.
    """
    async with _signed_in(platform, username, password, address) as (session, user):
        return await credentials(session, user, name or agent)


async def credentials(session: AsyncSession, user: User, name: str) -> Credentials:
    """The key that signing in gives: full scope, for a year. Who may have it is the caller's
    to check."""
    name = _name(name)
    await stored_keys.remove_older(session, user.id, name, sessions=False, keep=MOST_ALIKE - 1)
    expires_at = dt.datetime.now(dt.UTC) + KEY_LIVES
    key, api_key = await api_keys.issue(session, user, name, expires_at=expires_at)
    await users.set_api_key(session, user.id, api_keys.digest(api_key))
    return Credentials(user, key, api_key)


async def refresh(platform: Platform, user: User) -> Credentials:
    """A key in the place of the one that signed the user in, as wide and as long, which stops
    at once. Any key may. Raises UnauthenticatedError if it is gone by now."""
    async with (
        recorded(platform, user, action="auth:refresh"),
        platform.database.begin() as session,
    ):
        await users.hold(session, user.name, alone=True)  # of two at once one finds it gone
        found = await stored_keys.by_id(session, user.api_key_id or 0)
        if found is None:
            raise UnauthenticatedError("this API key is gone", "Sign in again: deployzero login")
        now, old = dt.datetime.now(dt.UTC), found[1]
        await stored_keys.remove(session, old.id)
        key, api_key = await api_keys.issue(
            session,
            user,
            old.name,
            scope=old.scope,
            project_id=old.project_id,
            expires_at=now + (old.expires_at - old.created_at) if old.expires_at else None,
        )
        await users.set_api_key(session, user.id, api_keys.digest(api_key))
    platform.bus.publish(PEOPLE)
    return Credentials(user, key, api_key)


async def logout(platform: Platform, user: User) -> None:
    """Remove the key that signed the user in."""
    async with (
        recorded(platform, user, action="auth:logout"),
        platform.database.begin() as session,
    ):
        await stored_keys.remove(session, user.api_key_id or 0)
    platform.bus.publish(PEOPLE)


async def change_password(
    platform: Platform, user: User, current: str | None, new: str, *, address: str
) -> None:
    """Set one's own password. All of one's browser sessions and links to set it end.

    current: None for who has none. Needs scope admin. Raises ForbiddenError for a wrong
    one, UsageError, TooManyRequestsError.
    """
    require_scope(user, Scope.ADMIN)
    passwords.check(new, user.name)
    detail = f"from {address}"
    async with (
        throttle.throttled(platform, account=user.name, address=address),
        recorded(platform, user, action="auth:password", detail=detail),
    ):
        async with platform.database.read() as session:
            stored = await users.password_of(session, user.id)
        if stored is not None and not await passwords.matches(platform, stored, current or ""):
            raise _wrong_current()
        encoded = await passwords.hashed(platform, new)
        async with platform.database.begin() as session:
            held = await users.hold(session, user.name, alone=True)
            if held is None or await users.password_of(session, held.id) != stored:
                raise _wrong_current()
            await set_password(session, held, encoded)
    platform.bus.publish(PEOPLE)


def _wrong_current() -> ForbiddenError:
    return ForbiddenError("the current password is wrong", "Give the one that you sign in with.")


async def set_password(session: AsyncSession, user: User, encoded: str) -> None:
    """encoded: its hash. Ends the user's browser sessions and links to set a password."""
    await users.set_password(session, user.id, encoded)
    await stored_keys.remove_sessions(session, user.id)
    await invitations.remove_for(session, user.id)


async def open_session(
    platform: Platform, username: str, password: str, *, address: str, agent: str
) -> tuple[User, str]:
    """Sign a browser in for 14 days; returns the cookie's value, which
    `api_keys.authenticate(…, of_browser=True)` takes. Raises as `login` does."""
    async with _signed_in(platform, username, password, address) as (session, user):
        return user, await _cookie(session, user, agent)


async def start_session(platform: Platform, user: User, *, agent: str) -> str:
    """The same for who has just made their account; returns the cookie's value."""
    async with platform.database.begin() as session:
        return await _cookie(session, user, agent)


async def _cookie(session: AsyncSession, user: User, agent: str) -> str:
    name = _name(agent)
    await stored_keys.remove_older(session, user.id, name, sessions=True, keep=MOST_ALIKE - 1)
    _, cookie = await api_keys.issue(
        session, user, name, expires_at=dt.datetime.now(dt.UTC) + SESSION_LIVES, of_browser=True
    )
    return cookie


async def close_session(platform: Platform, cookie: str) -> None:
    """End a browser's session; one that is gone already is fine."""
    user = await api_keys.authenticate(platform, cookie, of_browser=True)
    if user is not None:
        await logout(platform, user)


async def account(platform: Platform, user: User) -> Account:
    """One's own account, whatever signed one in."""
    async with platform.database.read() as session:
        has_password = await users.password_of(session, user.id) is not None
        only = await projects.by_id(session, user.only_project) if user.only_project else None
    return Account(user, has_password, only.name if only else None)


@asynccontextmanager
async def _signed_in(
    platform: Platform, username: str, password: str, address: str
) -> AsyncIterator[tuple[AsyncSession, User]]:
    """A transaction for who has shown that the password is theirs.

    Raises UnauthenticatedError, after as long, for a user or a password that there is not.
    """
    known = NAME.fullmatch(username) is not None
    async with throttle.throttled(platform, account=username if known else None, address=address):
        async with platform.database.read() as session:
            user = await users.by_name(session, username) if known else None
            stored = await users.password_of(session, user.id) if user else None
        detail = f"from {address}"
        async with recorded(platform, user or NOBODY, action="auth:login", detail=detail):
            if not await passwords.matches(platform, stored, password) or stored is None:
                raise _wrong(platform.settings)
            anew = passwords.is_outdated(stored)
            encoded = await passwords.hashed(platform, password) if anew else stored
            async with platform.database.begin() as session:
                held = await users.hold(session, username, alone=True)
                if held is None or await users.password_of(session, held.id) != stored:
                    raise _wrong(platform.settings)
                if anew:
                    await users.set_password(session, held.id, encoded)
                yield session, held


def _wrong(settings: Settings) -> UnauthenticatedError:
    return UnauthenticatedError(
        "wrong user name or password", f"Forgotten, or never set? {by_ssh(settings)}"
    )


def by_ssh(settings: Settings) -> str:
    """How to get a password, for a hint."""
    command = f"ssh -p {settings.ssh_port} deployzero@{settings.domain} users:invite"
    return f"`{command}` gives a link to set one; or ask an admin for an invitation."


def _name(name: str) -> str:
    """A key's, of what the client says of itself."""
    return printable(name)[: api_keys.LONGEST_NAME].strip() or "login"
