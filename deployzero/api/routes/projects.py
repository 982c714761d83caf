"""/projects: the apps, made, changed, destroyed."""

import datetime as dt
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.deployment import Deployment, shown, started
from deployzero.api.pagination import CurrentPage
from deployzero.api.reference import AppName
from deployzero.api.strict import Strict
from deployzero.deploy.platform import Platform
from deployzero.errors import UsageError
from deployzero.models.deployment import User
from deployzero.operations import apps, git
from deployzero.operations.events import recorded

router = APIRouter(prefix="/projects", tags=["projects"])

ProjectName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=50,
        examples=["hello"],
        json_schema_extra={"pattern": r"^[a-z0-9-]+$"},  # told, and checked with words
    ),
]


class NewProject(Strict):
    project_name: ProjectName


class ProjectChange(Strict):
    """What is given is changed."""

    project_name: ProjectName | None = Field(None, description="Another name and address.")
    locked: bool | None = Field(None, description="Locked, it takes no new release.")
    deploy_branch: str | None = Field(None, min_length=1, max_length=200, examples=["main"])


class ProcessState(BaseModel):
    process: str = Field(examples=["web"])
    index: int
    health: str = Field(description="starting, healthy, unhealthy or down", examples=["healthy"])


class ProjectState(BaseModel):
    """An app as a list shows it."""

    id: int
    project_name: str = Field(examples=["hello"])
    url: str = Field(examples=["http://hello.my.host"])
    release: int | None = Field(description="What is live; null: nothing is.", examples=[7])
    stopped: bool
    locked_by: str | None
    processes: list[ProcessState]
    created_at: dt.datetime


class Project(ProjectState):
    owner: str = Field(examples=["ana"])
    domains: list[str] = Field(description="Beside its own.", examples=[["www.example.com"]])
    git_remote: str = Field(examples=["ssh://deployzero@my.host:2222/hello"])
    deploy_branch: str | None = Field(description="null: the first push decides.")
    live: Deployment | None


@router.get("")
async def list_projects(
    platform: CurrentPlatform, user: CurrentUser, page: CurrentPage
) -> list[ProjectState]:
    """Your apps, by name."""
    found = await apps.list_apps(platform, user)
    rest = [state for state in found if state.project.name > page.after]
    return [_state(each) for each in page.of(rest, lambda state: state.project.name)]


@router.post("", status_code=201)
async def create_project(
    platform: CurrentPlatform, user: CurrentUser, new: NewProject, response: Response
) -> Project:
    """Make an app, yours, with nothing deployed."""
    async with recorded(platform, user, action="apps:create", app=new.project_name):
        await apps.create(platform, user, new.project_name)
    response.headers["Location"] = f"/projects/{new.project_name}"
    return await _project(platform, user, new.project_name)


@router.get("/{project}")
async def get_project(platform: CurrentPlatform, user: CurrentUser, app: AppName) -> Project:
    """All about an app: owner, addresses, what is live."""
    return await _project(platform, user, app)


@router.patch("/{project}", responses={202: {"model": Project}})
async def change_project(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    change: ProjectChange,
    response: Response,
) -> Project:
    """Let an app deploy another branch, lock or unlock it, rename it.

    Done in this order: what is done stays if the next is refused.
    What runs gets its new name by a deployment: 202, and `Location` leads to it. If that fails,
    the app has its old name again.
    """
    if branch := change.deploy_branch:
        detail = f"deploy-branch {branch}"
        async with recorded(platform, user, action="git:set", app=app, detail=detail):
            await git.set_deploy_branch(platform, user, app, branch)
    if change.locked is not None:
        set_lock, action = (
            (apps.lock, "apps:lock") if change.locked else (apps.unlock, "apps:unlock")
        )
        async with recorded(platform, user, action=action, app=app):
            await set_lock(platform, user, app)
    if name := change.project_name:
        async with recorded(platform, user, action="apps:rename", app=app, detail=name):
            _, deployment = await apps.rename_app(platform, user, app, name)
        if deployment is not None:
            started(deployment, response)
    return await _project(platform, user, name or app)


@router.delete("/{project}", status_code=204)
async def destroy_project(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    confirm: Annotated[str, Query(max_length=50, description="Its name again.")] = "",
) -> None:
    """Remove an app with its containers, images, config and repository, for good."""
    async with recorded(platform, user, action="apps:destroy", app=app):
        await apps.check_destroy(platform, user, app)
        if confirm != app:
            raise UsageError(
                f"{app} is not destroyed: its name was not confirmed",
                f"Give it again: DELETE /projects/{app}?confirm={app}",
            )
        await apps.destroy_app(platform, user, app)


async def _project(platform: Platform, user: User, app: str) -> Project:
    info = await apps.app_info(platform, user, app)
    project, live = info.project, info.live
    return Project(
        id=project.id,
        project_name=project.name,
        url=info.url,
        release=live.release if live else None,
        stopped=project.stopped,
        locked_by=project.locked_by,
        processes=[ProcessState.model_validate(asdict(row)) for row in info.processes],
        created_at=project.created_at,
        owner=info.owner,
        domains=list(info.domains),
        git_remote=info.git_remote,
        deploy_branch=project.deploy_branch,
        live=shown(platform, live) if live else None,
    )


def _state(app: apps.AppState) -> ProjectState:
    project = app.project
    return ProjectState(
        id=project.id,
        project_name=project.name,
        url=app.url,
        release=app.live.release if app.live else None,
        stopped=project.stopped,
        locked_by=project.locked_by,
        processes=[ProcessState.model_validate(asdict(row)) for row in app.processes],
        created_at=project.created_at,
    )
