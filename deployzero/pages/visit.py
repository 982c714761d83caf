"""One request of a browser: who asks, from where, and what its forms carry."""

import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from deployzero.deploy.platform import Platform
from deployzero.errors import ForbiddenError, UnauthenticatedError
from deployzero.models.deployment import User
from deployzero.models.origin import from_another_site
from deployzero.operations import api_keys

TOKEN = "csrf"  # noqa: S105 - the field's name
FORM_SECONDS = 3600
"""How long a form that is no user's yet may stand open."""
RELOAD = "Go back, reload the page and send it again."


@dataclass(frozen=True, slots=True)
class Visit:
    request: Request
    platform: Platform
    user: User | None
    """Who has signed in; None: nobody."""
    session: str
    """The session's cookie; empty: there is none that is valid."""
    guest: str
    """Before sign-in, what a form's token is bound to; a short-lived cookie."""

    @property
    def signed_in(self) -> User:
        """Raises UnauthenticatedError."""
        if self.user is None:
            raise UnauthenticatedError("you are not signed in", "Sign in, then try again.")
        return self.user

    @property
    def https(self) -> bool:
        return self.request.url.scheme == "https"

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else ""

    @property
    def in_the_clear(self) -> bool:
        """What is typed here crosses a network that anyone on the way may read."""
        server = (self.request.scope.get("server") or ("",))[0]
        return not self.https and self.address != server and not _is_loopback(self.address)

    @property
    def on_this_machine(self) -> bool:
        """Whether this machine itself asks, by a name of its own."""
        asks: bool = self.request.app.state.on_this_machine(self.request)
        return asks

    @property
    def here(self) -> str:
        """Path and query."""
        url = self.request.url
        return f"{url.path}?{url.query}" if url.query else url.path

    def token(self, public: bool = False) -> str:
        """What a form must bring back. public: it is for who has not signed in too, and stays
        good when they do so in another tab."""
        if public:
            return self.platform.derive("csrf", "guest", self.guest)
        return self.platform.derive("csrf", "session", self.session)

    def check_form(self, token: str, public: bool = False) -> None:
        """Refuse a form that another site has sent. Raises ForbiddenError."""
        if from_another_site(self.request.headers):
            raise ForbiddenError("this form was sent by another site", RELOAD)
        if not hmac.compare_digest(token.encode(), self.token(public).encode()):
            raise ForbiddenError("this form is not valid any more", RELOAD)


async def visit_of(request: Request) -> Visit:
    platform: Platform = request.app.state.platform
    cookie = request.cookies.get(_name(request, platform), "")
    user = await api_keys.authenticate(platform, cookie, of_browser=True) if cookie else None
    guest = request.cookies.get(_name(request, platform, "form"), "")
    if not (len(guest) == 43 and guest.isascii()):
        guest = secrets.token_urlsafe(32)
    return Visit(request, platform, user, cookie if user else "", guest)


def keep_guest(visit: Visit, response: Response) -> None:
    """For a page with a form for those who have not signed in."""
    _set(visit, response, "form", visit.guest, FORM_SECONDS)


def sign_in(visit: Visit, response: Response, session: str, seconds: int) -> None:
    _set(visit, response, "", session, seconds)


def sign_out(visit: Visit, response: Response) -> None:
    _set(visit, response, "", "", 0)


def _set(visit: Visit, response: Response, what: str, value: str, seconds: int) -> None:
    # Lax: a link in a terminal or a mail must find the session.
    response.set_cookie(
        _name(visit.request, visit.platform, what),
        value,
        max_age=seconds,
        path="/",
        secure=visit.https,
        httponly=True,
        samesite="lax",
    )


def _name(request: Request, platform: Platform, what: str = "") -> str:
    """By the server too: browsers share cookies between the ports of a host."""
    name = "-".join(filter(None, ("deployzero", platform.instance, what)))
    return f"__Host-{name}" if request.url.scheme == "https" else name


def to_login(visit: Visit) -> Response:
    return RedirectResponse(f"/login?next={quote(visit.here, safe='/')}", 303)


def own_path(text: str) -> str:
    """Where to go next, if that is one of our own pages; else the first one."""
    plain = text.isascii() and text.isprintable() and "\\" not in text
    if not plain or not text.startswith("/") or text.startswith("//"):
        return "/"
    return text


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
