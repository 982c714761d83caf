"""/auth: accounts, signing in and out, one's password."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field

from deployzero import __version__
from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.client_address import address_of, on_this_machine
from deployzero.api.credentials import Credentials
from deployzero.api.credentials import credentials as shown
from deployzero.api.strict import Strict
from deployzero.models.access import Scope
from deployzero.operations import accounts, api_keys, passwords, people, registration

router = APIRouter(prefix="/auth", tags=["account"])

LONGEST_TOKEN = 200
Username = Annotated[str, Field(min_length=1, max_length=64, examples=["ada"])]
NewUsername = Annotated[Username, Field(json_schema_extra={"pattern": f"^{people.NAME.pattern}$"})]
"""Only told: people.check_name refuses others with a better word."""
Password = Annotated[
    str, Field(max_length=passwords.LONGEST, examples=["a few words are easy to remember"])
]
NewPassword = Annotated[
    str,
    Field(
        min_length=passwords.SHORTEST,
        max_length=passwords.LONGEST,
        description="Any, but the user name.",
        examples=["a few words are easy to remember"],
    ),
]
KeyName = Annotated[
    str,
    Field(
        max_length=api_keys.LONGEST_NAME,
        description="Of the key: where it is used. Else it is your User-Agent.",
        examples=["laptop"],
    ),
]
Agent = Annotated[str, Header(alias="User-Agent", include_in_schema=False)]


class Registration(Strict):
    username: NewUsername
    password: NewPassword
    invitation: str | None = Field(
        None,
        max_length=LONGEST_TOKEN,
        description="From the link of an invitation.",
        examples=["Xb3Y0pQ8b4mB3a1c3m2mC0dH3mLQk1pD0s4Qn9m2bX8"],
    )
    name: KeyName = ""


class Login(Strict):
    username: Username
    password: Password
    name: KeyName = ""


class PasswordChange(Strict):
    current: Password | None = Field(None, description="null: you have none yet.")
    new: NewPassword


class Server(BaseModel):
    version: str = Field(examples=["0.4.0"])
    domain: str = Field(examples=["my.host"])
    ssh: str = Field(description="Host and port.", examples=["my.host:2222"])
    url: str = Field(
        description="Where an app answers, {app} standing for its name.",
        examples=["http://{app}.my.host"],
    )
    api_url: str = Field(examples=["http://api.my.host"])


class Me(BaseModel):
    """Who is signed in, by what, and where."""

    id: int
    username: str = Field(examples=["ada"])
    role: str = Field(description="admin or member", examples=["member"])
    scope: Scope = Field(description="The most that this key may do.")
    project_name: str | None = Field(
        description="The only app that this key may touch; null: all of yours."
    )
    has_password: bool
    server: Server


@router.post("/register", status_code=201)
async def register(
    platform: CurrentPlatform, request: Request, new: Registration, agent: Agent = ""
) -> Credentials:
    """An account, and a key of full scope for a year.

    By invitation, unless the server's setting REGISTRATION says `open`. The first account may be
    made without one from the server's own machine; it is an admin's if no admin can sign in yet.
    An invitation for a user that there is sets their password. Repeated failures are slowed.
    """
    made = await registration.register(
        platform,
        new.username,
        new.password,
        address=address_of(request),
        here=on_this_machine(request, platform.settings),
        invitation=new.invitation or "",
        name=new.name,
        agent=agent,
    )
    return shown(made.user, made.key, made.api_key)


@router.post("/login")
async def login(
    platform: CurrentPlatform, request: Request, given: Login, agent: Agent = ""
) -> Credentials:
    """A key of full scope for a year. Repeated failures are slowed, by account and by address."""
    made = await accounts.login(
        platform,
        given.username,
        given.password,
        address=address_of(request),
        name=given.name,
        agent=agent,
    )
    return shown(made.user, made.key, made.api_key)


@router.post("/refresh")
async def refresh(platform: CurrentPlatform, user: CurrentUser) -> Credentials:
    """A new key in the place of the one that asks, which stops at once: of the same name, scope
    and app, and for as long."""
    made = await accounts.refresh(platform, user)
    return shown(made.user, made.key, made.api_key)


@router.post("/logout", status_code=204)
async def logout(platform: CurrentPlatform, user: CurrentUser) -> None:
    """The key that asks stops at once."""
    await accounts.logout(platform, user)


@router.post("/password", status_code=204)
async def change_password(
    platform: CurrentPlatform, user: CurrentUser, request: Request, change: PasswordChange
) -> None:
    """Set your password. Your browsers are signed out; your keys go on. Needs the scope admin."""
    await accounts.change_password(
        platform, user, change.current, change.new, address=address_of(request)
    )


@router.get("/me")
async def me(platform: CurrentPlatform, user: CurrentUser) -> Me:
    """Who you are here, and what this key may."""
    account = await accounts.account(platform, user)
    settings = platform.settings
    return Me(
        id=user.id,
        username=user.name,
        role=user.role,
        scope=user.scope,
        project_name=account.project_name,
        has_password=account.has_password,
        server=Server(
            version=__version__,
            domain=settings.domain,
            ssh=f"{settings.domain}:{settings.ssh_port}",
            url=settings.url("{app}"),
            api_url=settings.api_url,
        ),
    )
