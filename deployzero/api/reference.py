"""`/projects/{project}`: an app by its name or its id."""

from typing import Annotated

from fastapi import Depends, Path

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.operations.apps import name_of


async def _name(
    platform: CurrentPlatform,
    user: CurrentUser,
    project: Annotated[str, Path(max_length=50, description="Its name or id.", examples=["hello"])],
) -> str:
    """Raises NotFoundError for one that is not there, or not for this user's eyes."""
    return await name_of(platform, user, project)


AppName = Annotated[str, Depends(_name)]
"""The app's name, for operations; they check what the user may do with it."""
