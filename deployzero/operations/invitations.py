"""Invitations: links by which somebody makes their account, or sets their password anew."""

import datetime as dt
import secrets
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, ForbiddenError, NotFoundError, UsageError
from deployzero.models.access import Scope
from deployzero.models.deployment import User
from deployzero.models.invitation import Invitation
from deployzero.operations.access import require_admin, require_scope
from deployzero.operations.api_keys import LONGEST, digest
from deployzero.operations.people import check_name
from deployzero.settings import Settings
from deployzero.store import invitations, users

LIVES = dt.timedelta(days=7)
MOST = 1000
"""Open at once."""


@dataclass(frozen=True, slots=True)
class Made:
    """An invitation and what is shown of it once."""

    invitation: Invitation
    token: str = field(repr=False)
    url: str = field(repr=False)
    """The page that takes it."""


async def invite(
    platform: Platform, caller: User, username: str | None = None, role: str | None = None
) -> Made:
    """Make a link by which one sets one's own password: with neither username nor role; or, for
    admins, by which somebody makes an account, or one who has one sets their password.

    username: None with a role: who comes chooses it. An older link for the same account ends.
    Raises UsageError for a bad name or another role than the account's, ConflictError if too
    many are open.
    """
    if username is None and role is None:
        require_scope(caller, Scope.ADMIN)
        username = caller.name
    elif username != caller.name:
        require_admin(caller)
    else:
        require_scope(caller, Scope.ADMIN)
    token = secrets.token_urlsafe(32)
    async with platform.database.begin() as session:
        user = await users.hold(session, username) if username is not None else None
        if username is not None and user is None:
            check_name(username)
        if user is not None and role not in (None, user.role):
            raise UsageError(
                f"{user.name} is {user.role} already", f"Change it by: users:role {user.name}"
            )
        await _make_room(session, user)
        made = await invitations.add(
            session,
            sha256=digest(token),
            user_id=user.id if user else None,
            name=username,
            role=user.role if user else role or users.MEMBER,
            by=caller.name,
            expires_at=dt.datetime.now(dt.UTC) + LIVES,
        )
    return Made(made, token, link(platform.settings, token))


def link(settings: Settings, token: str) -> str:
    return f"{settings.api_url}/register?invitation={token}"


async def _make_room(session: AsyncSession, user: User | None) -> None:
    await invitations.remove_ended(session)
    if user is not None:
        await invitations.remove_for(session, user.id)
    elif await invitations.count(session) >= MOST:
        raise ConflictError(
            f"{MOST} invitations are open", "Remove some: GET and DELETE /invitations"
        )


async def list_invitations(platform: Platform, caller: User) -> list[Invitation]:
    """The open ones, oldest first: all for admins, else those for oneself."""
    require_scope(caller, Scope.ADMIN)
    async with platform.database.read() as session:
        found = await invitations.every(session)
    return [each for each in found if _may_see(caller, each)]


async def remove(platform: Platform, caller: User, invitation_id: int) -> Invitation:
    """End one: its link is no good any more. Raises NotFoundError."""
    found = await list_invitations(platform, caller)
    invitation = next((each for each in found if each.id == invitation_id), None)
    if invitation is None:
        raise NotFoundError(
            f"there is no open invitation {invitation_id}", "GET /invitations shows them."
        )
    async with platform.database.begin() as session:
        await invitations.remove(session, invitation.id)
    return invitation


def _may_see(caller: User, invitation: Invitation) -> bool:
    return caller.role == users.ADMIN or invitation.user_id == caller.id


async def look(platform: Platform, token: str) -> Invitation:
    """What the link is for, for the page that takes it. For everybody who has it.

    Nobody guesses 256 bits, so that looks are not counted: any site can make a browser look.
    Raises ForbiddenError for one that is no good, or not any more.
    """
    async with platform.database.read() as session:
        return await opened(session, token)


async def opened(session: AsyncSession, token: str) -> Invitation:
    """The open invitation of this token, whose maker may still invite. Raises ForbiddenError."""
    found = await invitations.open_by_sha256(session, digest(token[:LONGEST]))
    maker = await users.by_name(session, found.by) if found else None
    if found is None or maker is None or not _may_invite(maker, found):
        raise ForbiddenError(
            "this invitation is not valid, or not any more",
            "It is good for one account and 7 days: ask for another.",
        )
    return found


def _may_invite(maker: User, invitation: Invitation) -> bool:
    """Whether they still may: an admin who is one no more has no say in who comes."""
    return maker.role == users.ADMIN or maker.id == invitation.user_id


async def use(session: AsyncSession, invitation: Invitation, username: str) -> User | None:
    """Use it up, in the transaction that makes the account; returns whose password it sets.

    Raises ForbiddenError for another user name than the one that it is for, or if somebody
    else was quicker.
    """
    if invitation.name not in (None, username):
        raise ForbiddenError(
            f"this invitation is for {invitation.name}", f"Register as {invitation.name}."
        )
    if not await invitations.use(session, invitation.id):
        raise ForbiddenError("this invitation was used just now", "Ask for another.")
    return await users.by_name(session, username) if invitation.user_id is not None else None
