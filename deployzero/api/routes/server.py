"""/report: how the server is."""

import datetime as dt

from fastapi import APIRouter
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.deployment import Deployment, shown
from deployzero.operations import report

router = APIRouter(tags=["server"])


class ServerReport(BaseModel):
    deployzero: str = Field(description="Its version.")
    python: str
    instance: str
    up_since: dt.datetime
    memory_bytes: int = Field(description="Of deployzero itself; 0: the system does not tell.")
    load: list[float] = Field(description="Over 1, 5 and 15 minutes.")
    cpus: int
    engine: str = Field(description="Its version, or what is wrong with it.")
    proxy: str = Field(description="ok, or what is wrong with it.")
    database: str
    database_bytes: int | None = Field(description="null: it is not a file.")
    disk_free_bytes: int
    disk_bytes: int
    data_dir: str
    domain: str
    ports: dict[str, int]
    base_images: str
    base_images_ready: list[str]
    apps: dict[str, int] = Field(examples=[{"all": 3, "live": 2, "stopped": 1}])
    queue: list[Deployment] = Field(description="Waiting or under way, the oldest first.")
    failures: list[Deployment] = Field(description="The newest ones.")


@router.get("/report")
async def get_report(platform: CurrentPlatform, user: CurrentUser) -> ServerReport:
    """How the server is; for admins. What does not answer is told as that."""
    found = await report.report_server(platform, user)
    lists = {
        "queue": [shown(platform, each) for each in found.queue],
        "failures": [shown(platform, each) for each in found.failures],
    }
    plain = {name: getattr(found, name) for name in ServerReport.model_fields if name not in lists}
    return ServerReport.model_validate(plain | lists)
