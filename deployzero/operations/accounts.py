"""Accounts over HTTP: register, sign in with a password, keys and browsers' sessions from it."""

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.models.api_key import APIKey
from deployzero.models.deployment import User


@dataclass(frozen=True, slots=True)
class Credentials:
    """A new key, and whose it is."""

    user: User
    key: APIKey
    api_key: str = field(repr=False)
    """The key itself: shown once."""


async def register(
    platform: Platform,
    username: str,
    password: str,
    *,
    address: str,
    here: bool = False,
    invitation: str = "",
    name: str = "",
    agent: str = "",
) -> Credentials:
    """`make_account`, and a key as of `login`."""
    raise NotImplementedError


async def make_account(
    platform: Platform,
    username: str,
    password: str,
    *,
    address: str,
    here: bool = False,
    invitation: str = "",
) -> User:
    """Make an account, or set the password of the one that the invitation is for.

    here: this machine itself asks (client_address.on_this_machine): it may make the first account
    with a password. Raises ForbiddenError, with how to get in, for who may not; UsageError for a
    bad name or password, ConflictError for a taken name, TooManyRequestsError.
    """
    raise NotImplementedError


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
    raise NotImplementedError


async def credentials(session: AsyncSession, user: User, name: str) -> Credentials:
    """The key that signing in gives: full scope, for a year. Who may have it is the caller's
    to check."""
    raise NotImplementedError


async def refresh(platform: Platform, api_key: str) -> Credentials:
    """A key in the place of this one, as wide and as long; this one stops at once.

    Raises UnauthenticatedError.
    """
    raise NotImplementedError


async def logout(platform: Platform, api_key: str) -> None:
    """Remove the key; one that is gone already is fine."""
    raise NotImplementedError


async def change_password(
    platform: Platform, user: User, current: str | None, new: str, *, address: str
) -> None:
    """Set one's own password. All of one's browser sessions end. Needs scope admin.

    current: None for who has none. Raises UnauthenticatedError for a wrong one, UsageError,
    TooManyRequestsError.
    """
    raise NotImplementedError


async def open_session(
    platform: Platform, username: str, password: str, *, address: str, agent: str
) -> tuple[User, str]:
    """Sign a browser in for 14 days; returns the cookie's value, which
    `api_keys.authenticate(…, of_browser=True)` takes. Raises as `login` does."""
    raise NotImplementedError


async def start_session(platform: Platform, user: User, *, agent: str) -> str:
    """The same for who has just made their account; returns the cookie's value."""
    raise NotImplementedError


async def close_session(platform: Platform, cookie: str) -> None:
    """End a browser's session; one that is gone already is fine."""
    raise NotImplementedError
