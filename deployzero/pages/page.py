"""What all pages share: who may see them, checked forms, errors in their own look, headers."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployzero.errors import DeployZeroException, TooManyRequestsError, UsageError
from deployzero.models.http_status import status_of
from deployzero.pages.rendering import render, sentence
from deployzero.pages.visit import TOKEN, Visit, to_login, visit_of

logger = logging.getLogger(__name__)

LARGEST_FORM = 16 * 1024
"""Bytes."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every page; one that sets a header itself keeps its own."""

Form = Mapping[str, str]
Show = Callable[[Visit], Awaitable[Response]]
Take = Callable[[Visit, Form], Awaitable[Response]]


def page(path: str, show: Show, *, public: bool = False) -> Route:
    """A page to look at. public: for who has not signed in too; the others are led to /login."""

    async def answer(visit: Visit) -> Response:
        return to_login(visit) if visit.user is None and not public else await show(visit)

    return _route(path, answer, "GET")


def data(path: str, show: Show) -> Route:
    """What a page's script asks for: who has not signed in is refused, in a few words."""

    async def answer(visit: Visit) -> Response:
        try:
            visit.signed_in  # noqa: B018 - it raises
            return await show(visit)
        except DeployZeroException as error:
            return JSONResponse({"error": error.message}, status_of(error)[0])

    return _route(path, answer, "GET")


def form(path: str, take: Take, *, public: bool = False) -> Route:
    """What a page's form sends to: only ever reached by a form of our own."""

    async def answer(visit: Visit) -> Response:
        sent = await _read(visit.request)
        if not public:
            visit.signed_in  # noqa: B018
        visit.check_form(sent.get(TOKEN, ""), public)
        return await take(visit, sent)

    return _route(path, answer, "POST")


def _route(path: str, answer: Show, method: str) -> Route:
    async def endpoint(request: Request) -> Response:
        visit = None
        try:
            visit = await visit_of(request)
            response = await answer(visit)
        except DeployZeroException as error:
            response = _error(visit, error)
        except HTTPException as error:  # of a body that is too large, or comes too slowly
            response = render(
                visit, "error.html", error.status_code, title="Not taken",
                message=sentence(error.detail), hint="Send it again.",
            )  # fmt: skip
        except ClientDisconnect:
            response = Response(status_code=400)
        except Exception:  # the request's border
            logger.exception("internal error")
            response = render(
                visit, "error.html", 500, title="Something went wrong",
                message="deployzero has made a mistake.",
                hint="The server's log says more; please report it.",
            )  # fmt: skip
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return Route(path, endpoint, methods=[method], include_in_schema=False)


def _error(visit: Visit | None, error: DeployZeroException) -> Response:
    status, title = status_of(error)
    response = render(
        visit, "error.html", status, title=title,
        message=sentence(error.message), hint=error.hint, output=error.detail,
    )  # fmt: skip
    if isinstance(error, TooManyRequestsError):
        response.headers["Retry-After"] = str(error.seconds)
    return response


async def _read(request: Request) -> dict[str, str]:
    """Raises UsageError for what is too large, or no form."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise UsageError("this form is too large", "Shorten what you have typed.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError as error:
        raise UsageError("this form cannot be read", "Send it from our page.") from error
