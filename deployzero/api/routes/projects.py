"""/projects: the apps."""

import datetime as dt
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.pagination import CurrentPage
from deployzero.operations import apps
from deployzero.operations.events import recorded

router = APIRouter(prefix="/projects", tags=["projects"])

ProjectName = Annotated[
    str, Field(min_length=1, max_length=50, pattern=r"^[a-z0-9-]+$", examples=["hello"])
]


class NewProject(BaseModel):
    project_name: ProjectName


class Process(BaseModel):
    process: str = Field(examples=["web"])
    index: int
    health: str = Field(description="starting, healthy, unhealthy or down")


class ProjectState(BaseModel):
    """An app as a list shows it."""

    id: int
    project_name: str = Field(examples=["hello"])
    url: str = Field(examples=["http://hello.my.host"])
    release: int | None = Field(description="What is live; null: nothing is.", examples=[7])
    stopped: bool
    locked_by: str | None
    processes: list[Process]
    created_at: dt.datetime


@router.get("")
async def list_projects(
    platform: CurrentPlatform, user: CurrentUser, page: CurrentPage
) -> list[ProjectState]:
    """Your apps, by name."""
    found = await apps.list_apps(platform, user)
    rest = [state for state in found if state.project.name > page.after]
    return [_state(each) for each in page.of(rest, lambda state: state.project.name)]


def _state(app: apps.AppState) -> ProjectState:
    project = app.project
    return ProjectState(
        id=project.id,
        project_name=project.name,
        url=app.url,
        release=app.live.release if app.live else None,
        stopped=project.stopped,
        locked_by=project.locked_by,
        processes=[Process.model_validate(asdict(row)) for row in app.processes],
        created_at=project.created_at,
    )


@router.post("", status_code=201)
async def create_project(
    platform: CurrentPlatform, user: CurrentUser, new: NewProject
) -> ProjectState:
    """An app of yours, with nothing deployed."""
    async with recorded(platform, user, action="apps:create", app=new.project_name):
        await apps.create(platform, user, new.project_name)
    made = await apps.find(platform, user, new.project_name)
    return ProjectState(
        id=made.id,
        project_name=made.name,
        url=platform.settings.url(made.name),
        release=None,
        stopped=False,
        locked_by=None,
        processes=[],
        created_at=made.created_at,
    )
