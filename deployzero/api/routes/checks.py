"""/projects/{project}/checks: when an app's web process counts as well."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.reference import AppName
from deployzero.api.strict import Strict
from deployzero.operations import checks
from deployzero.operations.checks import LONGEST, LONGEST_WAIT
from deployzero.operations.events import recorded

router = APIRouter(prefix="/projects/{project}/checks", tags=["checks"])

Text = Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=r"^[^\x00]+$")]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_WAIT, allow_inf_nan=False)]


class Check(BaseModel):
    name: str = Field(examples=["default"])
    path: str | None = Field(description="null: an open port is enough.", examples=["/up"])
    port: int | None = Field(description="null: the app's own.")
    attempts: int | None = Field(
        description="Failed tries before a boot is given up; null: until its limit."
    )
    timeout: float = Field(description="Seconds that an answer may take.")
    wait: float = Field(description="Seconds between two tries; 0: a quick rhythm.")
    initial_delay: float = Field(description="Seconds.")
    content: str | None = Field(description="What the answer must hold.")
    sources: dict[str, str] = Field(
        description="Where each field comes from.", examples=[{"path": "set by hand"}]
    )


SHOWN = tuple(name for name in Check.model_fields if name != "sources")


class Checks(BaseModel):
    disabled: bool
    deployed: bool = Field(description="Else those of app.json are not known yet.")
    checks: list[Check] = Field(description="Those that hold, or would were they not disabled.")


class ChecksChange(Strict):
    """Fields of the first check. What is given is changed; null resets."""

    path: Text | None = Field(None, examples=["/up"])
    port: int | None = Field(None, ge=1, le=65535)
    attempts: int | None = Field(None, ge=1, le=10_000)
    timeout: Seconds | None = Field(None, examples=[5])
    wait: Seconds | None = None
    initial_delay: Seconds | None = None
    content: Text | None = None
    disabled: bool | None = Field(None, description="A process that runs counts as well then.")


class CheckResult(BaseModel):
    process: str = Field(examples=["web.1"])
    check: str = Field(examples=["GET /up"])
    passed: bool
    failure: str = Field(description="What was seen; empty: it passed.")


@router.get("")
async def get_checks(platform: CurrentPlatform, user: CurrentUser, app: AppName) -> Checks:
    """An app's checks, and where each part comes from."""
    return _shown(await checks.report(platform, user, app))


@router.patch("")
async def change_checks(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, change: ChecksChange
) -> Checks:
    """Set fields of the web process's check, disable or enable it: in force at once."""
    given = change.model_dump(exclude_unset=True, exclude={"disabled"})
    texts = {name: "" if value is None else str(value) for name, value in given.items()}
    if texts or change.disabled is None:
        detail = " ".join(f"{name}={text}" for name, text in texts.items())
        async with recorded(platform, user, action="checks:set", app=app, detail=detail):
            report = await checks.change(platform, user, app, texts)
    if change.disabled is not None:
        action = "checks:disable" if change.disabled else "checks:enable"
        async with recorded(platform, user, action=action, app=app):
            turn = checks.disable if change.disabled else checks.enable
            report = await turn(platform, user, app)
    return _shown(report)


@router.delete("")
async def clear_checks(platform: CurrentPlatform, user: CurrentUser, app: AppName) -> Checks:
    """Forget what was set by hand; the answer is what holds then."""
    async with recorded(platform, user, action="checks:clear", app=app):
        return _shown(await checks.clear(platform, user, app))


@router.post("/run")
async def run_checks(
    platform: CurrentPlatform, user: CurrentUser, app: AppName
) -> list[CheckResult]:
    """Each check once, now, against each web container; none if they are disabled."""
    return [
        CheckResult(
            process=each.process, check=each.check, passed=not each.failure, failure=each.failure
        )
        for each in await checks.run(platform, user, app)
    ]


def _shown(report: checks.ChecksReport) -> Checks:
    return Checks(
        disabled=report.disabled,
        deployed=report.deployed,
        checks=[
            Check(**{name: getattr(each.check, name) for name in SHOWN}, sources=each.sources)
            for each in report.checks
        ],
    )
