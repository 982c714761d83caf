"""Errors as RFC 9457 problem documents: rendered here and nowhere else."""

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from deployzero.errors import DeployZeroException, TooManyRequestsError, UnauthenticatedError
from deployzero.models.http_status import status_of

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
MOST = 20
"""Errors of one request that are told."""
LONGEST_PART = 100


class Problem(BaseModel):
    """What every error answers with (RFC 9457)."""

    type: str = "about:blank"
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What happened.", examples=["there is no app helo"])
    hint: str = Field(default="", description="What to do.", examples=["Did you mean hello?"])
    output: list[str] = Field(default=[], description="A tool's or an app's own last lines.")
    errors: list[dict[str, Any]] = Field(default=[], description="What of a request is bad.")


def add_handlers(app: FastAPI) -> None:
    app.exception_handler(DeployZeroException)(known)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(WebSocketRequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_unknown)


def problem(error: DeployZeroException) -> Problem:
    status, title = status_of(error)
    return Problem(
        title=title,
        status=status,
        detail=error.message,
        hint=error.hint,
        output=list(error.detail),
    )


async def known(_: Request, error: DeployZeroException) -> JSONResponse:
    headers = {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = 'APIKey header="X-API-Key"'
    if isinstance(error, TooManyRequestsError):
        headers["Retry-After"] = str(error.seconds)
    return _response(problem(error), headers)


async def _invalid(
    request: Request, error: RequestValidationError | WebSocketRequestValidationError
) -> JSONResponse:
    # Without "input" and "ctx": what was sent may be a password.
    errors = [{"loc": _place(each["loc"]), "msg": each["msg"]} for each in error.errors()[:MOST]]
    where = ".".join(map(str, errors[0]["loc"][1:])) if errors else ""
    detail = f"{where}: {errors[0]['msg']}" if where else "the request cannot be read"
    hint = "See /docs."
    content_type = request.headers.get("Content-Type", "")
    if errors and errors[0]["loc"] == ["body"] and "json" not in content_type:
        hint = "Send JSON, with the header `Content-Type: application/json`."
    return _response(
        Problem(title="Bad request", status=422, detail=detail, hint=hint, errors=errors)
    )


def _place(parts: Sequence[Any]) -> list[str | int]:
    """Where in a request, in which a name may be of any length."""
    return [part if isinstance(part, int) else str(part)[:LONGEST_PART] for part in parts]


async def _http(_: Request, error: HTTPException) -> JSONResponse:
    title = str(error.detail)
    hint = "See /docs."
    if error.status_code in (404, 405):
        hint = "This server's /docs lists every path and its methods."
    return _response(
        Problem(title=title, status=error.status_code, detail=title, hint=hint), error.headers
    )


async def _unknown(_: Request, error: Exception) -> JSONResponse:
    logger.error("internal error", exc_info=error)
    return _response(
        Problem(
            title="Internal error",
            status=500,
            detail="deployzero has made a mistake",
            hint="The server's log says more; please report it.",
        )
    )


def _response(shown: Problem, headers: Any = None) -> JSONResponse:
    return JSONResponse(
        shown.model_dump(mode="json"),
        shown.status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )
