"""What is no page, under the pages' own addresses."""

from starlette.responses import Response

from deployzero.errors import NotFoundError
from deployzero.pages.page import page
from deployzero.pages.visit import Visit


async def show(visit: Visit) -> Response:
    raise NotFoundError("there is no such page", "Look at the address again.")


ROUTES = (page("/apps", show), page("/apps/{rest:path}", show))
