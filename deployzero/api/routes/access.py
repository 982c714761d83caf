"""/projects/{project}/access, and giving an app away."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.reference import AppName
from deployzero.api.strict import Strict
from deployzero.models.access import Role
from deployzero.operations import access
from deployzero.operations.events import recorded

router = APIRouter(prefix="/projects/{project}", tags=["access"])

LONGEST = 32
NAME = r"^[!-~]+$"
Username = Annotated[str, Path(max_length=LONGEST, pattern=NAME, examples=["bob"])]


class AppRole(StrEnum):
    """A viewer reads status and logs; a deployer pushes, scales, sets config and runs commands;
    an owner also shares, reveals and destroys."""

    VIEWER = "viewer"
    DEPLOYER = "deployer"
    OWNER = "owner"


class Share(BaseModel):
    username: str = Field(examples=["bob"])
    role: AppRole


class NewShare(Strict):
    role: AppRole = AppRole.DEPLOYER


class NewOwner(Strict):
    username: str = Field(min_length=1, max_length=LONGEST, pattern=NAME, examples=["bob"])


@router.get("/access")
async def list_access(platform: CurrentPlatform, user: CurrentUser, app: AppName) -> list[Share]:
    """Who may do what with an app, its owner first; admins may everything."""
    found = await access.shares(platform, user, app)
    return [Share(username=each.user, role=AppRole(each.role.word)) for each in found]


@router.put("/access/{username}")
async def share_project(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, username: Username, new: NewShare
) -> Share:
    """Give somebody a role with an app, in place of the one they have."""
    detail = f"{username} --role {new.role}"
    async with recorded(platform, user, action="access:add", app=app, detail=detail):
        await access.share(platform, user, app, username, Role[new.role.name])
    return Share(username=username, role=new.role)


@router.delete("/access/{username}", status_code=204)
async def unshare_project(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, username: Username
) -> None:
    """Take from somebody what they may do with an app."""
    async with recorded(platform, user, action="access:remove", app=app, detail=username):
        await access.unshare(platform, user, app, username)


@router.post("/transfer", status_code=204)
async def transfer_project(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, to: NewOwner
) -> None:
    """Give an app away; who owned it stays a deployer of it."""
    async with recorded(platform, user, action="access:transfer", app=app, detail=to.username):
        await access.transfer(platform, user, app, to.username)
