"""Passwords by argon2, in threads of their own: each takes 64 MiB while it is hashed."""

import asyncio
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from deployzero.deploy.platform import Platform
from deployzero.errors import TooManyRequestsError, UsageError

T = TypeVar("T")

SHORTEST, LONGEST = 8, 1024
MOST_WAITING = 64
"""More would wait for longer than a client does."""
HASHER = PasswordHasher()
"""With the library's own numbers, those of RFC 9106 for little memory: 64 MiB, three passes."""


def check(password: str, username: str) -> None:
    """Raise UsageError for one that is too short, too long, or the user name.

    Nothing else is asked of it, by NIST SP 800-63B: rules about what must be in it make people
    choose worse ones.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(
            f"a password has {SHORTEST} to {LONGEST} characters",
            "Any will do: a few words are easy to remember.",
        )
    if password.casefold() == username.casefold():
        raise UsageError(
            "the password is the user name", "It would be the first guess: choose another."
        )


async def hashed(platform: Platform, password: str) -> str:
    """What is stored of it. Raises TooManyRequestsError while too many are being hashed."""
    return await _in_thread(platform, lambda: HASHER.hash(_normal(password)))


async def matches(platform: Platform, stored: str | None, password: str) -> bool:
    """Whether it is the password. Takes its time for None, too, which is nobody's."""
    return await _in_thread(platform, lambda: _matches(stored, _normal(password)))


def _matches(stored: str | None, password: str) -> bool:
    if stored is None:
        HASHER.hash(password)
        return False
    try:
        return HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether it was hashed with other numbers than today's."""
    return HASHER.check_needs_rehash(stored)


def _normal(password: str) -> str:
    """One form for what looks the same: keyboards differ in how they write an é."""
    return unicodedata.normalize("NFKC", password)


async def _in_thread(platform: Platform, work: Callable[[], T]) -> T:
    sign_in = platform.sign_in
    if sign_in.hashing >= MOST_WAITING:
        raise TooManyRequestsError(
            "too many people sign in at this moment", "Try again in some seconds.", 5
        )
    sign_in.hashing += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(sign_in.threads, work)
    finally:
        sign_in.hashing -= 1
