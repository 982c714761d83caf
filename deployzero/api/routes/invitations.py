"""/invitations: links by which people make their account or set their password."""

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.pagination import CurrentPage
from deployzero.api.strict import Strict
from deployzero.models import invitation as model
from deployzero.models.number import HIGHEST
from deployzero.operations import invitations
from deployzero.operations.events import recorded

router = APIRouter(prefix="/invitations", tags=["account"])


class NewInvitation(Strict):
    username: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="Whom it is for. Without username and role: yourself, to set your password. "
        "With a role alone: who comes chooses the name.",
        examples=["ada"],
    )
    role: Literal["member", "admin"] | None = Field(
        None, description="Of a new account; member if a username is given alone."
    )


class Invitation(BaseModel):
    id: int
    username: str | None = Field(description="null: who comes chooses the name.", examples=["ada"])
    role: str = Field(examples=["member"])
    by: str = Field(description="Who made it.", examples=["root"])
    created_at: dt.datetime
    expires_at: dt.datetime


class MadeInvitation(Invitation):
    invitation: str = Field(
        description="Shown once, here.", examples=["Xb3Y0pQ8b4mB3a1c3m2mC0dH3mLQk1pD0s4Qn9m2bX8"]
    )
    url: str = Field(
        description="The page that takes it.",
        examples=["http://api.my.host/register?invitation=Xb3Y0pQ8b4mB3a1c3m2mC0dH3mLQk1pD"],
    )


@router.post("", status_code=201)
async def invite(
    platform: CurrentPlatform, user: CurrentUser, new: NewInvitation
) -> MadeInvitation:
    """A link that is good once, for 7 days.

    It makes an account; for a user that there is, it sets their password, and an older one ends.
    Admins invite others; everybody may make one for themselves. Needs the scope admin.
    """
    detail = " ".join(filter(None, (new.username, new.role and f"--role {new.role}")))
    async with recorded(platform, user, action="users:invite", detail=detail):
        made = await invitations.invite(platform, user, new.username, new.role)
    fields = _shown(made.invitation).model_dump()
    return MadeInvitation(**fields, invitation=made.token, url=made.url)


@router.get("")
async def list_invitations(
    platform: CurrentPlatform, user: CurrentUser, page: CurrentPage
) -> list[Invitation]:
    """Those that are open, oldest first: all for admins, else those for you. Needs the scope
    admin."""
    found = await invitations.list_invitations(platform, user)
    return [_shown(each) for each in page.by_id(found)]


@router.delete("/{id}", status_code=204)
async def remove_invitation(
    platform: CurrentPlatform, user: CurrentUser, id: Annotated[int, Path(ge=1, le=HIGHEST)]
) -> None:
    """Its link is no good any more. Needs the scope admin."""
    async with recorded(platform, user, action="invitations:remove", detail=str(id)):
        await invitations.remove(platform, user, id)


def _shown(invitation: model.Invitation) -> Invitation:
    return Invitation(
        id=invitation.id,
        username=invitation.name,
        role=invitation.role,
        by=invitation.by,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )
