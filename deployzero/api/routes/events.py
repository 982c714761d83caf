"""/events: the audit log."""

import datetime as dt

from fastapi import APIRouter
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.pagination import CurrentPage, Page
from deployzero.api.reference import AppName
from deployzero.deploy.platform import Platform
from deployzero.models.deployment import User
from deployzero.operations import events

router = APIRouter(tags=["events"])


class Event(BaseModel):
    id: int
    at: dt.datetime
    user: str = Field(description="Empty: deployzero itself.", examples=["ana"])
    key: str = Field(
        description="What signed them in: an SSH key's fingerprint, an API key's beginning.",
        examples=["dz_Ab12Cd34"],
    )
    action: str = Field(examples=["config:set"])
    app: str = Field(description="Empty: none was concerned.", examples=["hello"])
    detail: str = Field(examples=["DATABASE_URL"])
    result: str = Field(description="ok, under way, or why not.", examples=["ok"])


@router.get("/events")
async def list_events(
    platform: CurrentPlatform, user: CurrentUser, page: CurrentPage
) -> list[Event]:
    """Who did what, when, and how it ended, the newest first: of all apps that you may see.
    Admins see everything."""
    return await _page(platform, user, None, page)


@router.get("/projects/{project}/events")
async def list_events_of_project(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, page: CurrentPage
) -> list[Event]:
    """Who did what with an app, the newest first."""
    return await _page(platform, user, app, page)


async def _page(platform: Platform, user: User, app: str | None, page: Page) -> list[Event]:
    found = await events.list_events(platform, user, app, page.limit + 1, before=page.after_number)
    return [
        Event(
            id=each.id,
            at=each.at,
            user=each.user,
            key=each.key_fingerprint,
            action=each.action,
            app=each.app,
            detail=each.detail,
            result=each.result,
        )
        for each in page.of(found[::-1], lambda event: event.id)
    ]
