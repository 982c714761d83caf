"""/: my apps with their state."""

from starlette.responses import RedirectResponse, Response

from deployzero.operations import apps, registration
from deployzero.operations.apps import AppState
from deployzero.pages.page import page
from deployzero.pages.rendering import render
from deployzero.pages.state import state_of
from deployzero.pages.visit import Visit


async def show(visit: Visit) -> Response:
    if visit.user is None:
        first = await registration.is_first(visit.platform)
        return RedirectResponse("/register" if first else "/login", 303)
    found = await apps.list_apps(visit.platform, visit.user)
    listed = [(app, *_state(app)) for app in found]
    settings = visit.platform.settings
    return render(visit, "home.html", apps=listed, remote=settings.git_remote("hello"))


def _state(app: AppState) -> tuple[str, str]:
    return state_of(
        app.processes,
        live=app.live is not None,
        stopped=app.project.stopped,
        under_way=app.under_way,
    )


ROUTES = (page("/", show, public=True),)
