"""/projects/{project}/runs: commands in fresh containers of what is live, behind your back."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.reference import AppName
from deployzero.api.strict import Strict
from deployzero.api.words import MOST_WORDS, Word
from deployzero.operations import runs
from deployzero.operations.events import recorded

router = APIRouter(prefix="/projects/{project}/runs", tags=["runs"])


class NewRun(Strict):
    command: list[Word] = Field(
        min_length=1, max_length=MOST_WORDS, examples=[["python", "manage.py", "migrate"]]
    )
    entrypoint: bool = Field(True, description="false: without the ENTRYPOINT of its Dockerfile.")


class StartedRun(BaseModel):
    name: str = Field(examples=["run.4821"])


class Run(BaseModel):
    name: str = Field(examples=["run.4821"])
    command: str = Field(examples=["python manage.py migrate"])
    user: str = Field(description="Who started it.", examples=["ana"])
    created_at: dt.datetime
    detached: bool = Field(description="Nobody sits at it.")


@router.get("")
async def list_runs(platform: CurrentPlatform, user: CurrentUser, app: AppName) -> list[Run]:
    """The commands that run, the oldest first."""
    return [
        Run(
            name=each.name,
            command=each.command,
            user=each.by,
            created_at=dt.datetime.fromtimestamp(each.created, dt.UTC),
            detached=each.detached,
        )
        for each in await runs.list_runs(platform, user, app)
    ]


@router.post("", status_code=201)
async def start_run(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, new: NewRun, response: Response
) -> StartedRun:
    """Run a command behind your back. Its output is in the app's log, as the process of its name.

    Several words reach the program as they are; one word is a name of the Procfile, or, with
    blanks in it, a line for a shell. `WS /projects/{project}/run` runs one that you sit at.
    """
    detail = runs.program(new.command)
    async with recorded(platform, user, action="run:detached", app=app, detail=detail):
        name = await runs.run_detached(
            platform, user, app, new.command, own_entrypoint=new.entrypoint
        )
    response.headers["Location"] = f"/projects/{app}/runs/{name}"
    return StartedRun(name=name)


@router.delete("/{name}", status_code=204)
async def stop_run(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    name: Annotated[str, Path(max_length=100, examples=["run.4821"])],
) -> None:
    """End a command that runs."""
    async with recorded(platform, user, action="run:stop", app=app, detail=name):
        await runs.stop_run(platform, user, app, name)
