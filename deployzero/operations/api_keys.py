"""API keys: what signs in over HTTP. They are random, so a plain SHA-256 of them is kept."""

import datetime as dt
import hashlib
import secrets

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.models.access import Scope
from deployzero.models.api_key import APIKey
from deployzero.models.deployment import User
from deployzero.store import api_keys

BEGINNING = "dz_"
"""By which secret scanners know them."""
PREFIX = 11
LONGEST = 200
"""Characters of a key that are looked at."""


async def authenticate(platform: Platform, key: str, *, of_browser: bool = False) -> User | None:
    """The user whose key this is, with the key's scope; None for one that is unknown or expired.

    of_browser: a session's cookie, which is no key, nor is a key a cookie.
    """
    async with platform.database.read() as session:
        found = await api_keys.by_sha256(session, digest(key[:LONGEST]))
    if found is None:
        return None
    user, row = found
    expired = row.expires_at is not None and row.expires_at <= dt.datetime.now(dt.UTC)
    return None if expired or row.session != of_browser else user


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
    the caller's to check."""
    key = BEGINNING + secrets.token_urlsafe(32)
    row = await api_keys.add(
        session,
        user.id,
        name=name,
        sha256=digest(key),
        prefix=key[:PREFIX],
        scope=scope,
        project_id=project_id,
        expires_at=expires_at,
        of_browser=of_browser,
    )
    return row, key


def digest(secret: str) -> str:
    """SHA-256 in hex: what is stored of a secret that is too random to be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()
