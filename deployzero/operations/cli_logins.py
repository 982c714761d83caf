"""Sign a computer in: it shows a code, a person approves that in a browser, and the computer,
which polls meanwhile, gets a key of theirs. RFC 8628, the device authorization grant."""

import datetime as dt
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from limits import RateLimitItemPerMinute
from limits.strategies import SlidingWindowCounterRateLimiter
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, NotFoundError, TooManyRequestsError
from deployzero.models.access import Scope
from deployzero.models.cli_login import CLILogin
from deployzero.models.deployment import User
from deployzero.operations import accounts, api_keys
from deployzero.operations.access import PEOPLE, require_scope
from deployzero.operations.accounts import Credentials
from deployzero.operations.events import recorded
from deployzero.operations.throttle import network_of, throttled_codes
from deployzero.source.lines import printable
from deployzero.store import api_keys as stored_keys
from deployzero.store import cli_logins, users

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""RFC 8628, section 6.1: they spell no word, and none looks like another or a digit."""
LENGTH = 8
LIVES = dt.timedelta(minutes=10)
KEPT = dt.timedelta(minutes=10)
"""So long after it has expired a computer is still told that it has."""
INTERVAL = 2
"""Seconds between two polls."""
POLLS = RateLimitItemPerMinute(4 * 60 // INTERVAL)
"""Four times what it is told: clocks differ, and terminals are started twice."""
STARTS = RateLimitItemPerMinute(60, 10)
"""Of one address; of IPv6's all that one customer has."""
CUSTOMER_PREFIX = 56
MOST = 10_000
"""Kept in all. The oldest go first: with many addresses one may hurry others, but stop nobody."""
LONGEST_COMPUTER = 100
LONGEST_ADDRESS = 64
APPROVE, REFUSE = "cli-logins:approve", "cli-logins:refuse"
"""What the audit log calls them."""


@dataclass(frozen=True, slots=True)
class Started:
    device_code: str = field(repr=False)
    """The secret that the computer polls with."""
    user_code: str
    """`BCDF-GHJK`."""
    expires_in: int
    """Seconds."""
    interval: int
    """Seconds between two polls."""


class Status(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Polled:
    status: Status
    credentials: Credentials | None = None
    """When it was approved."""


async def start(platform: Platform, computer: str, address: str) -> Started:
    """A computer asks. For everybody. computer: what it calls itself. address: where it is.

    Raises TooManyRequestsError for too many of one address.
    """
    device_code = secrets.token_urlsafe(32)
    letters = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    network = network_of(address, CUSTOMER_PREFIX)
    address = printable(address)[:LONGEST_ADDRESS]
    limiter = SlidingWindowCounterRateLimiter(platform.sign_in.failures)
    if not limiter.hit(STARTS, "cli-login", network):
        raise TooManyRequestsError(
            "too many computers here ask to be signed in",
            "Wait a minute, or sign in over SSH: deployzero login --ssh",
        )
    moment = dt.datetime.now(dt.UTC)
    async with platform.database.begin() as session:
        await cli_logins.remove_expired(session, moment - KEPT)
        await cli_logins.remove_older(session, keep=MOST - 1)
        login = await cli_logins.add(
            session,
            device_sha256=api_keys.digest(device_code),
            user_code=f"{letters[:4]}-{letters[4:]}",
            computer=printable(computer)[:LONGEST_COMPUTER].strip() or "a computer",
            address=address,
            expires_at=moment + LIVES,
        )
    return Started(device_code, login.user_code, int(LIVES.total_seconds()), INTERVAL)


async def find(platform: Platform, user: User, user_code: str) -> CLILogin:
    """What waits under this code, for the page that asks whether to approve it.

    user_code: as people type it. Raises NotFoundError for one that is unknown or has expired,
    ConflictError for one that was decided.
    """
    require_scope(user, Scope.ADMIN)
    async with throttled_codes(platform, user), platform.database.read() as session:
        return await _waiting(session, user_code)


async def decide(platform: Platform, user: User, user_code: str, approve: bool) -> CLILogin:
    """Let the computer have a key of the user's, or not; once. It is recorded in the audit log.

    Raises as `find` does.
    """
    action = APPROVE if approve else REFUSE
    async with recorded(platform, user, action=action) as entry:
        require_scope(user, Scope.ADMIN)
        async with throttled_codes(platform, user), platform.database.begin() as session:
            login = await _waiting(session, user_code, hold=True)
            entry.detail = f"{login.computer} at {login.address}"
            await cli_logins.decide(session, login.id, user.id, approve)
    return login


async def poll(platform: Platform, device_code: str) -> Polled:
    """What became of it, for the computer that asked; its key once it was approved.

    A computer that asks again has not got the answer: it has a new key in the place of that
    one, so that there is one, which somebody holds. Raises NotFoundError for an unknown code,
    and once its key was taken away; TooManyRequestsError for one that asks far more often than
    it was told to.
    """
    sha256 = api_keys.digest(device_code[: api_keys.LONGEST])
    async with platform.database.read() as session:
        login = _known(await cli_logins.by_device(session, sha256))
    if not SlidingWindowCounterRateLimiter(platform.sign_in.failures).hit(POLLS, "poll", sha256):
        raise TooManyRequestsError(
            "this computer polls too often", f"Poll each {INTERVAL} s.", seconds=30
        )
    if (status := _status(login)) is not Status.APPROVED:
        return Polled(status)
    async with platform.database.begin() as session:
        # Whoever polls at the same time waits here, and then finds the other's key.
        login = _known(await cli_logins.by_device(session, sha256, hold=True))
        user = await users.by_id(session, login.user_id or 0)
        if user is None:
            return Polled(Status.REFUSED)
        if login.key_id is not None:
            await cli_logins.set_key(session, login.id, None)
            await stored_keys.remove(session, login.key_id)
        given = await accounts.credentials(session, user, login.computer)
        await cli_logins.set_key(session, login.id, given.key.id)
    if login.key_id is not None:
        platform.bus.publish(PEOPLE)
    return Polled(Status.APPROVED, given)


async def _waiting(session: AsyncSession, user_code: str, hold: bool = False) -> CLILogin:
    login = await cli_logins.by_code(session, _as_shown(user_code), hold)
    if login is None or _status(login) is Status.EXPIRED:
        raise NotFoundError(
            "no computer waits with this code",
            "Codes expire after 10 minutes: run `deployzero login` again, and compare the letters.",
        )
    if login.approved is not None:
        raise ConflictError(
            f"this computer was {'approved' if login.approved else 'refused'} already",
            "If that was not you, look at your API keys. A new code: deployzero login",
        )
    return login


def _as_shown(user_code: str) -> str:
    """`bcdfghjk` and `BCDF GHJK` are BCDF-GHJK."""
    letters = "".join(char for char in user_code[:50].upper() if char in LETTERS)
    return f"{letters[:4]}-{letters[4:]}"


def _status(login: CLILogin) -> Status:
    if login.expires_at <= dt.datetime.now(dt.UTC):
        return Status.EXPIRED
    return {None: Status.PENDING, True: Status.APPROVED, False: Status.REFUSED}[login.approved]


def _known(login: CLILogin | None) -> CLILogin:
    if login is None:
        raise NotFoundError("no login has this code", "Start again: deployzero login")
    return login
