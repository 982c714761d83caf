"""/projects/{project}/config and /config: variables, of one app or of every app."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.deployment import Deployment, queued
from deployzero.api.reference import AppName
from deployzero.api.strict import Strict
from deployzero.deploy.platform import Platform
from deployzero.models.deployment import User
from deployzero.operations import config
from deployzero.operations.events import recorded

router = APIRouter(tags=["config"])

LONGEST = 128 * 1024
Name = Annotated[str, Field(max_length=255)]
Value = Annotated[str, Field(max_length=LONGEST)]
Reveal = Annotated[bool, Query(description="With the values; for owners.")]


class ConfigVariable(BaseModel):
    name: str = Field(examples=["DATABASE_URL"])
    value: str | None = Field(description="null: masked.")
    build: bool = Field(description="Builds get it too.")
    of_every_app: bool
    running: bool = Field(description="The live containers have this value.")


class ConfigChange(Strict):
    set: dict[Name, Value] = Field({}, max_length=config.MOST, examples=[{"GREETING": "hi"}])
    unset: list[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,254}$")]] = Field(
        [], max_length=config.MOST, examples=[["OLD"]]
    )
    build: bool = Field(False, description="Builds get what is set too: the app is built again.")
    restart: bool = Field(True, description="false: only store it, for the next release.")


class ConfigResult(BaseModel):
    changed: list[str] = Field(description="Empty: everything was so already.")
    effect: str = Field(description="When what is stored already will be in force.")
    deployment: Deployment | None = Field(
        description="The change is stored and in force once it is live. null: stored already."
    )


@router.get("/projects/{project}/config")
async def get_config(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, reveal: Reveal = False
) -> list[ConfigVariable]:
    """An app's variables, their values masked unless you ask; those of every app among them."""
    return await _shown(platform, user, app, reveal)


@router.patch("/projects/{project}/config", responses={202: {"model": ConfigResult}})
async def change_config(
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    change: ConfigChange,
    response: Response,
) -> ConfigResult:
    """Set and drop variables, in one new release of the same image: 202, `Location` leads to it.

    200: stored at once, since nothing runs, or you asked for no restart; or nothing has changed.
    """
    return await _changed(platform, user, app, change, response)


@router.get("/config")
async def get_config_of_every_app(
    platform: CurrentPlatform, user: CurrentUser, reveal: Reveal = False
) -> list[ConfigVariable]:
    """The variables that every app gets; for admins."""
    return await _shown(platform, user, None, reveal)


@router.patch("/config")
async def change_config_of_every_app(
    platform: CurrentPlatform, user: CurrentUser, change: ConfigChange, response: Response
) -> ConfigResult:
    """Set and drop variables of every app, for each one's next release; for admins."""
    return await _changed(platform, user, None, change, response)


async def _shown(
    platform: Platform, user: User, app: str | None, reveal: bool
) -> list[ConfigVariable]:
    found = await config.show(platform, user, app, reveal)
    return [
        ConfigVariable(
            name=each.name,
            value=each.value,
            build=each.build,
            of_every_app=each.of_every_app,
            running=each.running,
        )
        for each in found
    ]


async def _changed(
    platform: Platform, user: User, app: str | None, change: ConfigChange, response: Response
) -> ConfigResult:
    level = "" if app else "of every app"
    action = "config:unset" if change.unset and not change.set else "config:set"
    async with recorded(platform, user, action=action, app=app or "", detail=level) as entry:
        done = await config.set_variables(
            platform,
            user,
            app,
            change.set,
            unset=change.unset,
            build=change.build,
            restart=change.restart,
        )
        if done.changed:
            entry.detail = f"{', '.join(done.changed)} {level}".rstrip()
    deployment = None
    if done.deployment is not None:
        deployment = await queued(platform, user, done.deployment, response)
    return ConfigResult(changed=list(done.changed), effect=done.effect, deployment=deployment)
