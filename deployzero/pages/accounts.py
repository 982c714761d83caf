"""/login, /register, /logout: a browser's session."""

from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from deployzero.errors import (
    ConflictError,
    DeployZeroException,
    ForbiddenError,
    NotFoundError,
    UnauthenticatedError,
    UsageError,
)
from deployzero.models.http_status import status_of
from deployzero.operations import accounts, invitations, passwords, registration
from deployzero.operations.accounts import SESSION_LIVES
from deployzero.pages.page import Form, form, page
from deployzero.pages.rendering import render, sentence
from deployzero.pages.visit import Visit, keep_guest, own_path, sign_in, sign_out

LONGEST_AGENT = 300
MOST_TOKEN = 300
"""Characters of an invitation."""
WELCOME = "This server takes a git push and runs it as an app. Nobody has a password here yet."


async def show_login(visit: Visit) -> Response:
    after = own_path(visit.request.query_params.get("next", ""))
    if visit.user is not None:
        return RedirectResponse(after, 303)
    return _login(visit, after)


async def log_in(visit: Visit, sent: Form) -> Response:
    after, username = own_path(sent.get("next", "")), sent.get("username", "")
    try:
        _, session = await accounts.open_session(
            visit.platform,
            username,
            sent.get("password", ""),
            address=visit.address,
            agent=_agent(visit),
        )
    except (UnauthenticatedError, UsageError) as error:
        return _login(visit, after, username, error)
    return await _in(visit, session, after)


async def show_register(visit: Visit) -> Response:
    if visit.user is not None and not visit.request.query_params.get("invitation"):
        return RedirectResponse("/", 303)
    return await _register(visit, visit.request.query_params.get("invitation", ""))


async def register(visit: Visit, sent: Form) -> Response:
    username, invitation = sent.get("username", ""), sent.get("invitation", "")
    password = sent.get("password", "")
    try:
        if password != sent.get("again"):
            raise UsageError("the two passwords differ", "Type the same one twice.")
        user = await registration.make_account(
            visit.platform,
            username,
            password,
            address=visit.address,
            here=visit.on_this_machine,
            invitation=invitation,
        )
    except (UsageError, ConflictError, ForbiddenError, NotFoundError, UnauthenticatedError) as e:
        return await _register(visit, invitation, username, e)
    session = await accounts.start_session(visit.platform, user, agent=_agent(visit))
    return await _in(visit, session, "/")


async def log_out(visit: Visit, _: Form) -> Response:
    await accounts.close_session(visit.platform, visit.session)
    response = RedirectResponse("/login", 303)
    sign_out(visit, response)
    return response


async def show_logout(visit: Visit) -> Response:
    """Who comes by the address alone stays signed in: that takes the button."""
    return RedirectResponse("/", 303)


async def _in(visit: Visit, session: str, after: str) -> Response:
    """An older session of this browser's ends: one cookie, one session."""
    if visit.session:
        await accounts.close_session(visit.platform, visit.session)
    response = RedirectResponse(after, 303)
    sign_in(visit, response, session, int(SESSION_LIVES.total_seconds()))
    return response


def _login(
    visit: Visit, after: str, username: str = "", error: DeployZeroException | None = None
) -> Response:
    settings = visit.platform.settings
    response = render(
        visit, "login.html", status_of(error)[0] if error else 200,
        after=after, username=username[:64], error=error and sentence(error.message),
        hint=error.hint if error else "", open=settings.registration == "open",
        command=_command(visit),
    )  # fmt: skip
    keep_guest(visit, response)
    return response


async def _register(
    visit: Visit, token: str, username: str = "", error: DeployZeroException | None = None
) -> Response:
    opening = await _opening(visit, token)
    response = render(
        visit, "register.html", status_of(error)[0] if error else opening.status,
        opening=opening, invitation=token[:MOST_TOKEN], shortest=passwords.SHORTEST,
        username=opening.username or username[:64], command=_command(visit),
        error=error and sentence(error.message), hint=error.hint if error else "",
    )  # fmt: skip
    keep_guest(visit, response)
    return response


@dataclass(frozen=True, slots=True)
class _Opening:
    """What this visitor may make an account by, in words."""

    heading: str
    lead: str
    allowed: bool = True
    username: str = ""
    """The only one that it is for."""
    status: int = 200


async def _opening(visit: Visit, token: str) -> _Opening:
    settings = visit.platform.settings
    if token:
        return await _invited(visit, token)
    if settings.registration == "open":
        return _Opening("Make an account", f"For the apps at {settings.domain}.")
    if not await registration.is_first(visit.platform):
        return _Opening("By invitation", "An admin of this server can invite you.", False, "", 403)
    if visit.on_this_machine:
        return _Opening("Welcome to deployzero", f"{WELCOME} Make the first account.")
    return _Opening(
        "Welcome to deployzero",
        f"{WELCOME} The first account is made over SSH, or in a browser on the server itself.",
        allowed=False,
    )


async def _invited(visit: Visit, token: str) -> _Opening:
    try:
        found = await invitations.look(visit.platform, token)
    except ForbiddenError as error:
        return _Opening("No such invitation", f"{sentence(error.message)} {error.hint}", False,
                        "", 403)  # fmt: skip
    if found.user_id is not None:
        return _Opening("Set your password", f"For {found.name}.", username=found.name or "")
    lead = f"{found.by} invites you to the apps at {visit.platform.settings.domain}."
    return _Opening("Make your account", lead, username=found.name or "")


def _command(visit: Visit) -> str:
    settings = visit.platform.settings
    return f"ssh -p {settings.ssh_port} deployzero@{settings.domain} users:invite"


def _agent(visit: Visit) -> str:
    return visit.request.headers.get("User-Agent", "")[:LONGEST_AGENT]


ROUTES = (
    page("/login", show_login, public=True),
    form("/login", log_in, public=True),
    page("/register", show_register, public=True),
    form("/register", register, public=True),
    page("/logout", show_logout, public=True),
    form("/logout", log_out),
)
