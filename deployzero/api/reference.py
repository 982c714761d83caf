"""`/projects/{project}`: an app by its name or its id."""

from typing import Annotated

from fastapi import Depends, Path
from fastapi.requests import HTTPConnection

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.errors import NotFoundError
from deployzero.operations.apps import name_of
from deployzero.operations.events import recorded


async def _name(
    connection: HTTPConnection,
    platform: CurrentPlatform,
    user: CurrentUser,
    project: Annotated[str, Path(max_length=50, description="Its name or id.", examples=["hello"])],
) -> str:
    """Raises NotFoundError for one that is not there, or not for this user's eyes. Who wanted
    to change it is in the audit log then."""
    try:
        return await name_of(platform, user, project)
    except NotFoundError:
        wanted = f"{connection.scope.get('method', 'WS')} {connection.scope['route'].path}"
        if wanted.startswith("GET "):
            raise
        async with recorded(platform, user, action=wanted, app=project, refusals_only=True):
            raise


AppName = Annotated[str, Depends(_name)]
"""The app's name, for operations; they check what the user may do with it."""
