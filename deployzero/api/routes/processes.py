"""/projects/{project}/processes, /formation, /limits, and starting, stopping, restarting."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field, RootModel

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.deployment import Deployment, queued, shown
from deployzero.api.idempotency import REPLAYS, OnceOnly
from deployzero.api.reference import AppName
from deployzero.api.strict import Strict
from deployzero.errors import UsageError
from deployzero.models.release import Kind, Limits
from deployzero.operations import processes
from deployzero.operations.events import recorded

router = APIRouter(prefix="/projects/{project}", tags=["processes"])

MOST_PROCESSES = 100
ProcessName = Annotated[str, Field(max_length=100, examples=["web"])]
QUEUED: dict[int | str, dict[str, Any]] = {202: {"model": Deployment}}


class Usage(BaseModel):
    memory_bytes: int
    cpus: float = Field(description="Cores.", examples=[0.12])


class Process(BaseModel):
    """One container of what is live."""

    process: str = Field(examples=["web"])
    index: int = Field(examples=[1])
    health: str = Field(description="starting, healthy, unhealthy or down", examples=["healthy"])
    status: str = Field(
        description="What the engine says: running, restarting, ended or unknown.",
        examples=["running"],
    )
    restarts: int | None = Field(description="By the engine; null: it does not answer.")
    memory_bytes: int = Field(description="Its limit.", examples=[512 << 20])
    cpus: float = Field(description="Its limit.", examples=[0.5])
    started_at: dt.datetime | None = Field(description="null: it does not run.")
    usage: Usage | None = Field(description="null: it does not run, or you did not ask.")


class Processes(BaseModel):
    stopped: bool = Field(description="By hand: it serves nothing until it is started.")
    processes: list[Process]


class Formation(RootModel[dict[ProcessName, Annotated[int, Field(ge=0, le=processes.MOST)]]]):
    """How many of each process run."""

    root: dict[ProcessName, Annotated[int, Field(ge=0, le=processes.MOST)]] = Field(
        min_length=1, max_length=MOST_PROCESSES, examples=[{"web": 2, "worker": 1}]
    )


class ProcessLimits(BaseModel):
    process: str = Field(examples=["web"])
    memory_bytes: int
    cpus: float
    memory_set: bool = Field(description="false: it is the server's default.")
    cpus_set: bool


class LimitsChange(Strict):
    """What is not given stays as it is."""

    process: ProcessName = Field("", description="Empty: all that have none of their own.")
    memory: str | None = Field(None, min_length=1, max_length=20, examples=["256m"])
    cpus: float | None = Field(None, gt=0, le=1024, allow_inf_nan=False, examples=[0.5])
    reset: bool = Field(False, description="Back to the server's defaults first.")


@router.get("/processes")
async def get_processes(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    usage: Annotated[bool, Query(description="Measure it, for half a second.")] = False,
) -> Processes:
    """An app's processes and how they are."""
    found = await processes.report(platform, user, app)
    measured = {
        (each.process, each.index): Usage(memory_bytes=each.memory_bytes, cpus=each.cpus)
        for each in (await processes.usage(platform, user, app) if usage else ())
    }
    return Processes(
        stopped=found.project.stopped,
        processes=[
            _process(each, measured.get((each.container.process, each.container.index)))
            for each in found.running
        ],
    )


@router.get("/formation")
async def get_formation(
    platform: CurrentPlatform, user: CurrentUser, app: AppName
) -> dict[str, int]:
    """How many of each process are to run."""
    return await processes.formation_of(platform, user, app)


@router.patch("/formation", status_code=202, responses=REPLAYS)
async def scale(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    key: Annotated[str | None, Depends(OnceOnly(Kind.SCALE))],
    formation: Formation,
    response: Response,
) -> Deployment:
    """Run so many of each process; those not named stay as they are."""
    told = " ".join(f"{process}={count}" for process, count in formation.root.items())
    async with recorded(platform, user, action="ps:scale", app=app, detail=told):
        deployment = await processes.scale(platform, user, app, formation.root, key)
    return await queued(platform, user, deployment, response)


@router.post("/restart", status_code=202, responses=REPLAYS)
async def restart(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    key: Annotated[str | None, Depends(OnceOnly(Kind.RESTART))],
    response: Response,
) -> Deployment:
    """Replace an app's containers, with zero downtime."""
    async with recorded(platform, user, action="ps:restart", app=app):
        deployment = await processes.restart(platform, user, app, key)
    return await queued(platform, user, deployment, response)


@router.post("/rebuild", status_code=202, responses=REPLAYS)
async def rebuild(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    key: Annotated[str | None, Depends(OnceOnly(Kind.REBUILD))],
    response: Response,
) -> Deployment:
    """Build what is live again, and run that."""
    async with recorded(platform, user, action="ps:rebuild", app=app):
        deployment = await processes.rebuild(platform, user, app, key)
    return await queued(platform, user, deployment, response)


@router.post("/start", responses=QUEUED)
async def start(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, response: Response
) -> Deployment:
    """Run an app again that was stopped: 202. 200 and what is live, if it runs already."""
    async with recorded(platform, user, action="ps:start", app=app):
        deployment = await processes.start(platform, user, app)
    if deployment is not None:
        return await queued(platform, user, deployment, response)
    live = (await processes.report(platform, user, app)).live
    if live is None:  # destroyed and made again meanwhile
        raise UsageError(f"{app} is not deployed yet", "Push it first.")
    return shown(platform, live)


@router.post("/stop", status_code=204)
async def stop(platform: CurrentPlatform, user: CurrentUser, app: AppName) -> None:
    """End an app's processes: it serves nothing, and keeps its release."""
    async with recorded(platform, user, action="ps:stop", app=app):
        await processes.stop(platform, user, app)


@router.get("/limits")
async def get_limits(
    platform: CurrentPlatform, user: CurrentUser, app: AppName
) -> list[ProcessLimits]:
    """How much memory and CPU each process may use."""
    return [
        ProcessLimits(
            process=each.process,
            memory_bytes=each.memory_bytes,
            cpus=each.cpus,
            memory_set=each.own.memory is not None,
            cpus_set=each.own.cpus is not None,
        )
        for each in await processes.limits(platform, user, app)
    ]


@router.patch("/limits", status_code=202, responses=REPLAYS)
async def change_limits(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    change: LimitsChange,
    key: Annotated[str | None, Depends(OnceOnly(Kind.RESTART))],
    response: Response,
) -> Deployment:
    """Limit a process's memory and CPUs, by a restart with zero downtime."""
    if change.memory is None and change.cpus is None and not change.reset:
        raise UsageError("there is no limit given", 'Give "memory", "cpus" or "reset".')
    limits = Limits(change.memory, change.cpus)
    given = {"memory": change.memory, "cpus": change.cpus, "process-type": change.process}
    told = " ".join(f"--{name} {value}" for name, value in given.items() if value)
    action = "resource:limit-clear" if change.reset else "resource:limit"
    async with recorded(platform, user, action=action, app=app, detail=told):
        deployment = await processes.set_limits(
            platform, user, app, change.process, limits, change.reset, key
        )
    return await queued(platform, user, deployment, response)


def _process(found: processes.Process, usage: Usage | None) -> Process:
    row, status = found.container, found.status
    return Process(
        process=row.process,
        index=row.index,
        health=row.health,
        status=_status(found),
        restarts=status.restarts if status else None,
        memory_bytes=found.memory_bytes,
        cpus=found.cpus,
        started_at=status.started_at if status and status.running else None,
        usage=usage,
    )


def _status(found: processes.Process) -> str:
    if found.status is None:
        return "unknown"
    if found.status.restarting:
        return "restarting"
    return "running" if found.status.running else "ended"
