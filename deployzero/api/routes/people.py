"""/users: who may sign in. For admins."""

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.pagination import CurrentPage
from deployzero.api.strict import Strict
from deployzero.operations import people
from deployzero.operations.events import recorded
from deployzero.store.users import UserEntry

router = APIRouter(prefix="/users", tags=["people"])

LONGEST = 64
UserRole = Literal["member", "admin"]
Username = Annotated[
    str, Path(min_length=1, max_length=LONGEST, pattern=r"^[A-Za-z0-9._-]+$", examples=["ada"])
]


class NewUser(Strict):
    username: str = Field(
        min_length=1,
        max_length=32,
        description="a-z, 0-9, '.', '_' and '-'; it begins and ends with a letter or digit.",
        examples=["ada"],
    )
    role: UserRole = "member"


class UserChange(Strict):
    role: UserRole


class User(BaseModel):
    username: str = Field(examples=["ada"])
    role: str = Field(examples=["member"])
    ssh_keys: int = Field(description="How many public keys they have.")
    projects: int = Field(description="How many apps they own.")
    created_at: dt.datetime


@router.get("")
async def list_users(platform: CurrentPlatform, user: CurrentUser, page: CurrentPage) -> list[User]:
    """Everybody, by name. Admins only."""
    found = await people.list_users(platform, user)
    rest = [each for each in found if each.name > page.after]
    return [_shown(each) for each in page.of(rest, lambda each: each.name)]


@router.post("", status_code=201)
async def add_user(platform: CurrentPlatform, user: CurrentUser, new: NewUser) -> User:
    """A user without keys: invite them, or add an SSH key of theirs. Admins only.

    Who was removed comes back with nothing but the name.
    """
    async with recorded(platform, user, action="users:add", detail=f"{new.username} {new.role}"):
        await people.add_user(platform, user, new.username, new.role)
    return _shown(await people.find_user(platform, user, new.username))


@router.patch("/{username}")
async def change_user(
    platform: CurrentPlatform, user: CurrentUser, username: Username, change: UserChange
) -> User:
    """Make them an admin or a member. Admins only; the last admin stays one."""
    async with recorded(platform, user, action="users:role", detail=f"{username} {change.role}"):
        await people.set_role(platform, user, username, change.role)
    return _shown(await people.find_user(platform, user, username))


@router.delete("/{username}", status_code=204)
async def remove_user(platform: CurrentPlatform, user: CurrentUser, username: Username) -> None:
    """Take their keys and access; all that they run ends. Admins only.

    Apps of theirs go first: give them away, or destroy them.
    """
    async with recorded(platform, user, action="users:remove", detail=username):
        await people.remove_user(platform, user, username)


def _shown(user: UserEntry) -> User:
    return User(
        username=user.name,
        role=user.role,
        ssh_keys=user.keys,
        projects=user.apps,
        created_at=user.created_at,
    )
