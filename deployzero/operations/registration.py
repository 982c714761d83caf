"""Make accounts: by invitation, the first on this machine, or all if the setting says so."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.errors import ForbiddenError
from deployzero.models.deployment import User
from deployzero.models.invitation import Invitation
from deployzero.operations import invitations, passwords, throttle
from deployzero.operations.access import PEOPLE
from deployzero.operations.accounts import (
    NOBODY,
    Credentials,
    by_ssh,
    credentials,
    set_password,
)
from deployzero.operations.events import recorded
from deployzero.operations.people import can_administrate, check_name
from deployzero.settings import Settings
from deployzero.store import instance, users


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
    user = await make_account(
        platform, username, password, address=address, here=here, invitation=invitation
    )
    async with platform.database.begin() as session:
        return await credentials(session, user, name or agent)


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
    check_name(username)
    passwords.check(password, username)
    settings = platform.settings
    detail = f"{username} from {address}"
    async with (
        throttle.throttled(platform, address=address, always=settings.registration == "open"),
        recorded(platform, NOBODY, action="auth:register", detail=detail) as entry,
    ):
        async with platform.database.read() as session:  # before the work of hashing
            await _admission(session, settings, invitation, here)
        encoded = await passwords.hashed(platform, password)
        async with platform.database.begin() as session:
            await instance.hold(session)  # of two at once one is the first
            admission = await _admission(session, settings, invitation, here)
            user = await _user_of(session, admission, username)
            await set_password(session, user, encoded)
        entry.detail = f"{username} ({user.role}) from {address}"
    platform.bus.publish(PEOPLE)
    return user


async def is_first(platform: Platform) -> bool:
    """Whether nobody has a password yet, and this machine itself may make the first account."""
    async with platform.database.read() as session:
        return await _may_be_first(session, platform.settings)


@dataclass(frozen=True, slots=True)
class _Admission:
    """By what somebody may register."""

    role: str
    invitation: Invitation | None = None
    first: bool = False


async def _admission(
    session: AsyncSession, settings: Settings, invitation: str, here: bool
) -> _Admission:
    if invitation:
        found = await invitations.opened(session, invitation)
        return _Admission(found.role, found)
    if here and await _may_be_first(session, settings):
        # Else who can reach this machine would get more than the admins there are gave them.
        role = users.MEMBER if await can_administrate(session) else users.ADMIN
        return _Admission(role, first=role == users.ADMIN)
    if settings.registration == "open":
        return _Admission(users.MEMBER)
    first = " The first account may also be made on the server's own machine."
    raise ForbiddenError(
        "registration is by invitation",
        f"With an SSH key, {by_ssh(settings)}"
        + (first if settings.registration == "first" else ""),
    )


async def _may_be_first(session: AsyncSession, settings: Settings) -> bool:
    return settings.registration != "invite" and not await users.anyone_has_password(session)


async def _user_of(session: AsyncSession, admission: _Admission, username: str) -> User:
    """Who registers: made now, or there already. Raises ConflictError, ForbiddenError."""
    user = None
    if (invitation := admission.invitation) is not None:
        user = await invitations.use(session, invitation, username)
        if user is None and invitation.name is not None:
            user = await users.revive(session, username, admission.role)
    elif admission.first:
        # The row that the server makes for its admin, which nobody has got into yet.
        found = await users.by_name(session, username)
        user = found if found and found.role == users.ADMIN else None
    return user or await users.create(session, username, admission.role)
