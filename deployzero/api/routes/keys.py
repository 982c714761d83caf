"""/auth/keys and /auth/ssh-keys: what signs you in."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.credentials import APIKey, shown_key
from deployzero.api.pagination import CurrentPage
from deployzero.api.strict import Strict
from deployzero.models import deployment as model
from deployzero.models.access import Scope
from deployzero.models.number import HIGHEST
from deployzero.operations import api_keys, apps, keys
from deployzero.operations.events import recorded

router = APIRouter(prefix="/auth", tags=["keys"])

LONGEST_PUBLIC_KEYS = 64 << 10
Id = Annotated[int, Path(ge=1, le=HIGHEST)]


class NewAPIKey(Strict):
    name: str = Field(
        min_length=1,
        max_length=api_keys.LONGEST_NAME,
        description="Where it is used.",
        examples=["CI of hello"],
    )
    scope: Scope = Scope.DEPLOY
    project: str | None = Field(
        None,
        min_length=1,
        max_length=50,
        pattern=r"^[a-z0-9-]+$",
        description="Name or id of the only app that it may touch.",
        examples=["hello"],
    )
    expires_in_days: int | None = Field(
        None, ge=1, le=api_keys.MOST_DAYS, description="Without it the key has no end."
    )


class MadeAPIKey(BaseModel):
    api_key: str = Field(description="Shown once, here.", examples=["dz_Ab12Cd34…"])
    key: APIKey


class NewSSHKey(Strict):
    public_key: str = Field(
        min_length=1,
        max_length=LONGEST_PUBLIC_KEYS,
        description="In OpenSSH's format, one a line.",
        examples=[
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada"
        ],
    )
    name: str | None = Field(
        None, min_length=1, max_length=100, description="Instead of its comment."
    )


class SSHKey(BaseModel):
    id: int
    name: str = Field(examples=["ada@laptop"])
    fingerprint: str = Field(examples=["SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"])
    created_at: dt.datetime


@router.get("/keys")
async def list_api_keys(
    platform: CurrentPlatform, user: CurrentUser, page: CurrentPage
) -> list[APIKey]:
    """Your API keys, oldest first; those that have expired too. Needs the scope admin."""
    return [shown_key(key) for key in page.by_id(await api_keys.list_keys(platform, user))]


@router.post("/keys", status_code=201)
async def create_api_key(
    platform: CurrentPlatform, user: CurrentUser, new: NewAPIKey
) -> MadeAPIKey:
    """A key of yours, which may do no more than its scope says. Needs the scope admin.

    read sees; deploy also makes apps, deploys and sets config; admin does all that you may.
    """
    only = await apps.name_of(platform, user, new.project) if new.project is not None else None
    detail = f"{new.name} --scope {new.scope}"
    async with recorded(
        platform, user, action="apikeys:create", app=only or "", detail=detail
    ) as entry:
        key, secret = await api_keys.create(
            platform, user, new.name, new.scope, only, new.expires_in_days
        )
        entry.detail = f"{detail} ({key.prefix})"
    return MadeAPIKey(api_key=secret, key=shown_key(key))


@router.delete("/keys/{id}", status_code=204)
async def remove_api_key(platform: CurrentPlatform, user: CurrentUser, id: Id) -> None:
    """It stops at once, and what runs by it ends. Needs the scope admin."""
    async with recorded(platform, user, action="apikeys:remove", detail=str(id)):
        await api_keys.remove(platform, user, id)


@router.get("/ssh-keys")
async def list_ssh_keys(
    platform: CurrentPlatform, user: CurrentUser, page: CurrentPage
) -> list[SSHKey]:
    """Your public keys, which push and sign in over SSH."""
    return [_ssh_key(key) for key in page.by_id(await keys.list_keys(platform, user))]


@router.post("/ssh-keys", status_code=201)
async def add_ssh_keys(
    platform: CurrentPlatform, user: CurrentUser, new: NewSSHKey
) -> list[SSHKey]:
    """Add public keys to yours, all or none. Needs the scope admin."""
    async with recorded(platform, user, action="keys:add"):
        added = await keys.add_keys(platform, user, new.public_key, name=new.name)
    return [_ssh_key(key) for key in added]


@router.delete("/ssh-keys/{id}", status_code=204)
async def remove_ssh_key(platform: CurrentPlatform, user: CurrentUser, id: Id) -> None:
    """It signs nobody in any more, and its sessions end. Needs the scope admin."""
    async with recorded(platform, user, action="keys:remove", detail=str(id)):
        await keys.remove_by_id(platform, user, id)


def _ssh_key(key: model.SSHKey) -> SSHKey:
    return SSHKey(id=key.id, name=key.name, fingerprint=key.fingerprint, created_at=key.created_at)
