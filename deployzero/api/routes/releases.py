"""/projects/{project}/releases, and the way back to one."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.deployment import Deployment, queued
from deployzero.api.idempotency import REPLAYS, OnceOnly
from deployzero.api.pagination import CurrentPage
from deployzero.api.reference import AppName
from deployzero.api.strict import Strict
from deployzero.models.number import HIGHEST
from deployzero.models.release import Kind
from deployzero.operations import releases
from deployzero.operations.events import recorded

router = APIRouter(prefix="/projects/{project}", tags=["releases"])

Number = Annotated[int, Field(ge=1, le=HIGHEST, examples=[3])]


class Release(BaseModel):
    release: int = Field(examples=[7])
    live: bool
    kept: bool = Field(description="Its image is there: it can be rolled back to.")
    kind: Kind
    commit: str
    message: str
    user: str
    deployment_id: int
    created_at: dt.datetime
    finished_at: dt.datetime | None = Field(description="When it went live.")


class ReleaseInfo(Release):
    branch: str
    config: list[str] | None = Field(
        description="Names of its variables; null: they are forgotten."
    )
    timings: dict[str, float] = Field(description="Seconds by stage.")


class Rollback(Strict):
    release: Number | None = Field(None, description="null: the one before the live one.")


@router.get("/releases")
async def list_releases(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, page: CurrentPage
) -> list[Release]:
    """An app's releases, the newest first."""
    found = await releases.list_releases(
        platform, user, app, page.limit + 1, before=page.after_number
    )
    return [_release(each) for each in page.of(found, lambda each: each.number)]


@router.get("/releases/{release}")
async def get_release(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    release: Annotated[int, Path(ge=1, le=HIGHEST, examples=[3])],
) -> ReleaseInfo:
    """All about a release; of its config the names alone."""
    info = await releases.release_info(platform, user, app, release)
    deployment = info.release.deployment
    return ReleaseInfo(
        **_release(info.release).model_dump(),
        branch=deployment.branch,
        config=None if info.variables is None else list(info.variables),
        timings=deployment.timings,
    )


@router.post("/rollback", status_code=202, responses=REPLAYS)
async def rollback(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    key: Annotated[str | None, Depends(OnceOnly(Kind.ROLLBACK))],
    response: Response,
    to: Rollback | None = None,
) -> Deployment:
    """Run an older release again, image and config, as a new one."""
    number = to.release if to else None
    detail = f"v{number}" if number else ""
    async with recorded(platform, user, action="rollback", app=app, detail=detail):
        deployment = await releases.rollback(platform, user, app, number, key)
    return await queued(platform, user, deployment, response)


def _release(found: releases.Release) -> Release:
    deployment = found.deployment
    return Release(
        release=found.number,
        live=found.live,
        kept=found.kept,
        kind=deployment.kind,
        commit=deployment.commit,
        message=deployment.message,
        user=deployment.user_name,
        deployment_id=deployment.id,
        created_at=deployment.created_at,
        finished_at=deployment.finished_at,
    )
