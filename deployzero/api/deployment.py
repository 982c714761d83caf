"""A deployment as the API shows it."""

import datetime as dt

from fastapi import Response
from pydantic import BaseModel, Field

from deployzero.deploy.platform import Platform
from deployzero.models import deployment as model
from deployzero.models.deployment import State, User
from deployzero.models.release import Kind
from deployzero.operations import changes


class Deployment(BaseModel):
    id: int
    project_id: int
    project_name: str = Field(examples=["hello"])
    kind: Kind
    state: State
    release: int | None = Field(description="Its vN; null: it never was live.", examples=[7])
    url: str = Field(description="Where the app answers.", examples=["http://hello.my.host"])
    branch: str
    commit: str
    message: str
    user: str = Field(description="Who asked for it.")
    reason: str = Field(description="Why it ended as error or cancelled.")
    timings: dict[str, float] = Field(
        description="Seconds by stage.", examples=[{"build": 0.4, "boot": 0.5, "total": 1.1}]
    )
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None


def shown(platform: Platform, deployment: model.Deployment) -> Deployment:
    return Deployment(
        id=deployment.id,
        project_id=deployment.project_id,
        project_name=deployment.app,
        kind=deployment.kind,
        state=deployment.state,
        release=deployment.release,
        url=platform.settings.url(deployment.app),
        branch=deployment.branch,
        commit=deployment.commit,
        message=deployment.message,
        user=deployment.user_name,
        reason=deployment.reason,
        timings=deployment.timings,
        created_at=deployment.created_at,
        started_at=deployment.started_at,
        finished_at=deployment.finished_at,
    )


async def queued(
    platform: Platform, user: User, deployment_id: int, response: Response
) -> Deployment:
    """The answer to what has started a deployment."""
    started(deployment_id, response)
    return shown(platform, await changes.find(platform, user, deployment_id))


def started(deployment_id: int, response: Response) -> None:
    """202, and where to look how the deployment goes on."""
    response.status_code = 202
    response.headers["Location"] = f"/deployments/{deployment_id}"
