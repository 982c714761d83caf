"""Repeated failures to sign in are slowed, by account and by address; wrong codes by user."""

import asyncio
import ipaddress
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.strategies import SlidingWindowCounterRateLimiter

from deployzero.deploy.platform import Platform
from deployzero.errors import (
    ForbiddenError,
    NotFoundError,
    TooManyRequestsError,
    UnauthenticatedError,
)
from deployzero.models.deployment import User

MINUTES = 10
OF_ACCOUNT_AND_ADDRESS = RateLimitItemPerMinute(10, MINUTES)
OF_ACCOUNT = RateLimitItemPerMinute(100, MINUTES)
OF_ADDRESS = RateLimitItemPerMinute(30, MINUTES)
CODES_OF_USER = RateLimitItemPerMinute(30, MINUTES)
TURN_SECONDS = 30.0
"""How long an attempt waits for those before it from the same address."""
FAILURES = (UnauthenticatedError, ForbiddenError, NotFoundError, asyncio.CancelledError)
"""What a guess ends with. One that is not waited for counts, too."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    message: str
    instead: str
    """What else to do than to wait."""

    def error(self, until: float) -> TooManyRequestsError:
        """until: `time.time()`."""
        seconds = max(1, math.ceil(until - time.time()))
        return TooManyRequestsError(self.message, f"Wait {seconds} s. {self.instead}", seconds)


SIGN_INS = _Refusal(
    "too many failed attempts to sign in",
    "An SSH key signs in meanwhile; a forgotten password: users:invite",
)
CODES = _Refusal("too many wrong codes", "Then take a new one: deployzero login")


@asynccontextmanager
async def throttled(
    platform: Platform, *, account: str | None = None, address: str, always: bool = False
) -> AsyncIterator[None]:
    """Count the block as a failure if it raises one of FAILURES; refuse it after too many.

    account: the user name that is signed in as; None: there is none (a code, an invitation).
    address: the client's, from api/client_address. always: count it against the address however
    it ends, for what makes rows (a registration that is open to all). A success clears the
    failures of this account from this address, which others' failures elsewhere do not keep out
    from then on. Raises TooManyRequestsError.
    """
    network = network_of(address)
    counters = _counters(account, network)
    known = account is not None and (account, network) in platform.sign_in.known
    looked_at = [each for each in counters if not (each.limit is OF_ACCOUNT and known)]
    async with _counted(platform, counters, looked_at, SIGN_INS) as limiter:
        yield
        if always:
            limiter.hit(OF_ADDRESS, *_of_address(network))
        if account is not None:
            limiter.clear(OF_ACCOUNT_AND_ADDRESS, *_of_both(account, network))
            platform.sign_in.know(account, network)


@asynccontextmanager
async def throttled_codes(platform: Platform, user: User) -> AsyncIterator[None]:
    """The same for codes that who has signed in types: by user, wherever they are."""
    counters = [_Counter(CODES_OF_USER, ("codes", str(user.id)))]
    async with _counted(platform, counters, counters, CODES):
        yield


@dataclass(frozen=True, slots=True)
class _Counter:
    limit: RateLimitItem
    of: tuple[str, ...]


@asynccontextmanager
async def _counted(
    platform: Platform, counters: list[_Counter], looked_at: list[_Counter], refusal: _Refusal
) -> AsyncIterator[SlidingWindowCounterRateLimiter]:
    """The block's failure counts for all counters; it is refused if one looked at is full."""
    limiter = SlidingWindowCounterRateLimiter(platform.sign_in.failures)
    # In turn, or a thousand at once would all pass before the first has failed.
    async with _turn(platform, counters[0], refusal):
        for each in looked_at:
            if not limiter.test(each.limit, *each.of):
                raise refusal.error(limiter.get_window_stats(each.limit, *each.of).reset_time)
        try:
            yield limiter
        except FAILURES:
            for each in counters:
                limiter.hit(each.limit, *each.of)
            raise


def _counters(account: str | None, network: str) -> list[_Counter]:
    counters = [_Counter(OF_ADDRESS, _of_address(network))]
    if account is not None:
        counters.append(_Counter(OF_ACCOUNT, ("account", account)))
        counters.append(_Counter(OF_ACCOUNT_AND_ADDRESS, _of_both(account, network)))
    return counters


def _of_address(network: str) -> tuple[str, str]:
    return "address", network


def _of_both(account: str, network: str) -> tuple[str, str, str]:
    return "both", account, network


def network_of(address: str, prefix: int = 64) -> str:
    """What counts as one address: all of IPv4's, the /64 of IPv6's, that one client has whole.

    prefix: another one than IPv6's /64.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a socket without addresses, or a proxy that names none
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, prefix), strict=False).network_address)


@asynccontextmanager
async def _turn(platform: Platform, counter: _Counter, refusal: _Refusal) -> AsyncIterator[None]:
    lock = platform.sign_in.turns.setdefault(counter.of, asyncio.Lock())
    try:
        async with asyncio.timeout(TURN_SECONDS):
            await lock.acquire()
    except TimeoutError:
        raise refusal.error(time.time() + TURN_SECONDS) from None
    try:
        yield
    finally:
        lock.release()
