"""/projects/{project}/domains: the host names that an app answers to beside its own."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.reference import AppName
from deployzero.api.strict import Strict
from deployzero.models.domains import LONGEST_TEXT
from deployzero.operations import domains
from deployzero.operations.events import recorded

router = APIRouter(prefix="/projects/{project}/domains", tags=["domains"])

DomainName = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class Names(Strict):
    names: list[DomainName] = Field(
        max_length=domains.MOST, examples=[["www.example.com", "*.example.org"]]
    )


class Domains(BaseModel):
    host: str = Field(description="Its own, which stays.", examples=["hello.my.host"])
    names: list[str] = Field(description="Beside it.", examples=[["www.example.com"]])
    live: bool = Field(description="It runs, so that they are in force.")
    server: str = Field(description="Where their DNS records must lead; empty: no name is known.")
    added: list[str] = Field(description="By this request.")
    removed: list[str]


@router.get("")
async def get_domains(platform: CurrentPlatform, user: CurrentUser, app: AppName) -> Domains:
    """The host names that an app answers to."""
    return _shown(await domains.report(platform, user, app))


@router.post("")
async def add_domains(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, new: Names
) -> Domains:
    """Let an app answer to more names, at once: all or none. `*.example.com` is every name
    right below it."""
    detail = " ".join(new.names)
    async with recorded(platform, user, action="domains:add", app=app, detail=detail):
        return _shown(await domains.add(platform, user, app, new.names))


@router.put("")
async def set_domains(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, new: Names
) -> Domains:
    """Make these names all that an app has beside its own."""
    detail = " ".join(new.names)
    action = "domains:set" if new.names else "domains:clear"
    async with recorded(platform, user, action=action, app=app, detail=detail):
        return _shown(await domains.replace(platform, user, app, new.names))


@router.delete("/{name}")
async def remove_domain(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    name: Annotated[str, Path(max_length=LONGEST_TEXT, examples=["www.example.com"])],
) -> Domains:
    """Take a name away from an app."""
    async with recorded(platform, user, action="domains:remove", app=app, detail=name):
        return _shown(await domains.remove(platform, user, app, [name]))


def _shown(report: domains.DomainReport) -> Domains:
    return Domains(
        host=report.host,
        names=list(report.names),
        live=report.live,
        server=report.server,
        added=list(report.added),
        removed=list(report.removed),
    )
