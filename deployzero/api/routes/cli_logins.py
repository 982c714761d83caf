"""/auth/cli-logins: sign a computer in by a code that a person approves (RFC 8628)."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from deployzero.api.auth import CurrentPlatform
from deployzero.api.client_address import address_of
from deployzero.api.credentials import Credentials, credentials
from deployzero.api.strict import Strict
from deployzero.operations import cli_logins
from deployzero.operations.cli_logins import Status

router = APIRouter(prefix="/auth/cli-logins", tags=["sign in"])


class NewCLILogin(Strict):
    computer: str = Field(
        "", max_length=255, description="What the computer is called.", examples=["ada-laptop"]
    )


class CLILogin(BaseModel):
    device_code: str = Field(description="The computer's secret: poll with it.")
    user_code: str = Field(description="Show it: the page shows it too.", examples=["BCDF-GHJK"])
    verification_url: str = Field(examples=["http://api.my.host/auth/cli-login"])
    verification_url_complete: str = Field(
        description="The same with the code.",
        examples=["http://api.my.host/auth/cli-login?code=BCDF-GHJK"],
    )
    expires_in: int = Field(description="Seconds.", examples=[600])
    interval: int = Field(description="Seconds between two polls.", examples=[2])


class Poll(Strict):
    device_code: str = Field(min_length=1, max_length=200)


class CLILoginState(BaseModel):
    status: Status
    credentials: Credentials | None = Field(description="When it was approved.")


@router.post("", status_code=201)
async def start_cli_login(
    platform: CurrentPlatform, request: Request, new: NewCLILogin
) -> CLILogin:
    """Ask for a computer to be signed in. Then send its person to the page, and poll."""
    started = await cli_logins.start(platform, new.computer, address_of(request))
    page = f"{platform.settings.api_url}/auth/cli-login"
    return CLILogin(
        device_code=started.device_code,
        user_code=started.user_code,
        verification_url=page,
        verification_url_complete=f"{page}?code={started.user_code}",
        expires_in=started.expires_in,
        interval=started.interval,
    )


@router.post("/poll")
async def poll_cli_login(platform: CurrentPlatform, poll: Poll) -> CLILoginState:
    """What became of it. One that was approved gives its key. If that answer is lost, ask again:
    another key comes in the place of the first, until `expires_in` is over."""
    polled = await cli_logins.poll(platform, poll.device_code)
    given = polled.credentials
    shown = credentials(given.user, given.key, given.api_key) if given else None
    return CLILoginState(status=polled.status, credentials=shown)
