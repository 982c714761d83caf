"""The header `Idempotency-Key`: a request that is sent again starts no second deployment.

A route says `key: Annotated[str | None, Depends(OnceOnly(Kind.ROLLBACK))]` and hands it to the
operation, which raises AlreadyStartedError where another request with it was faster; that is
answered here, with the deployment that there is.
"""

from typing import Annotated, Any

from fastapi import FastAPI, Header, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from deployzero.api import problems
from deployzero.api.auth import APIKeyAuth, CurrentPlatform, CurrentUser, platform_of
from deployzero.api.deployment import Deployment, shown
from deployzero.api.reference import AppName
from deployzero.errors import AlreadyStartedError, DeployZeroException
from deployzero.models.release import Kind
from deployzero.operations import changes

REPLAYED = "Idempotency-Replayed"
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[ -~]+$",
        description="Your own name for this request, a UUID, say: sent again with it, it answers "
        f"200, `{REPLAYED}: true` and the deployment that there is.",
    ),
]
REPLAYS: dict[int | str, dict[str, Any]] = {
    200: {"model": Deployment, "description": "It came before: the deployment that there is."}
}
"""For a route's documentation."""


class OnceOnly:
    """The key, of a request that has not come before; None: none was sent."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    async def __call__(
        self, platform: CurrentPlatform, user: CurrentUser, app: AppName, key: Key = None
    ) -> str | None:
        """Before the body is read. Raises AlreadyStartedError, UsageError."""
        if key is not None:
            await changes.check_new(platform, user, app, key, self._kind)
        return key


def add_handler(app: FastAPI) -> None:
    app.exception_handler(AlreadyStartedError)(_replay)


async def _replay(request: Request, error: AlreadyStartedError) -> JSONResponse:
    platform = platform_of(request)
    try:
        user = await APIKeyAuth()(request)
        found = shown(platform, await changes.find(platform, user, error.deployment_id))
    except DeployZeroException as gone:  # the key was revoked meanwhile, or the app destroyed
        return await problems.known(request, gone)
    headers = {REPLAYED: "true", "Location": f"/deployments/{found.id}"}
    return JSONResponse(jsonable_encoder(found), 200, headers)
