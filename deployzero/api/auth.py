"""APIKeyAuth: who asks, by the key in X-API-Key (or `Authorization: Bearer`)."""

from typing import Annotated

from fastapi import Depends
from fastapi.openapi.models import APIKey, APIKeyIn
from fastapi.requests import HTTPConnection
from fastapi.security.base import SecurityBase

from deployzero.deploy.platform import Platform
from deployzero.errors import UnauthenticatedError
from deployzero.models.deployment import User
from deployzero.operations import api_keys

HEADER = "X-API-Key"


def platform_of(connection: HTTPConnection) -> Platform:
    platform: Platform = connection.app.state.platform
    return platform


class APIKeyAuth(SecurityBase):
    """Every route's dependency but the public ones': who asks. For WebSockets too."""

    def __init__(self) -> None:
        self.model = APIKey.model_validate(
            {"in": APIKeyIn.header, "name": HEADER, "description": "From login, or made by hand."}
        )
        self.scheme_name = "APIKeyAuth"

    async def __call__(self, connection: HTTPConnection) -> User:
        """Raises UnauthenticatedError."""
        if not (key := given_key(connection)):
            raise UnauthenticatedError("no API key came", f"Send it in the header {HEADER}.")
        user = await api_keys.authenticate(platform_of(connection), key)
        if user is None:
            raise UnauthenticatedError(
                "this API key is not valid, or not any more", "Sign in again: deployzero login"
            )
        return user


def given_key(connection: HTTPConnection) -> str:
    """The key that came with the request; empty: none did."""
    scheme, _, bearer = connection.headers.get("Authorization", "").partition(" ")
    return connection.headers.get(HEADER, "") or (bearer if scheme.lower() == "bearer" else "")


async def _platform(connection: HTTPConnection) -> Platform:
    return platform_of(connection)  # a plain function would get a thread for each request


CurrentPlatform = Annotated[Platform, Depends(_platform)]
CurrentUser = Annotated[User, Depends(APIKeyAuth())]
