"""/: my apps with their state."""

from starlette.responses import RedirectResponse, Response

from deployzero.models.deployment import State
from deployzero.operations import apps, registration
from deployzero.operations.apps import AppState
from deployzero.pages.page import page
from deployzero.pages.rendering import render
from deployzero.pages.visit import Visit

WAITING = {State.CREATED: "Waiting", State.DEPLOYING: "Starting"}


async def show(visit: Visit) -> Response:
    if visit.user is None:
        first = await registration.is_first(visit.platform)
        return RedirectResponse("/register" if first else "/login", 303)
    found = await apps.list_apps(visit.platform, visit.user)
    listed = [(app, *state_of(app)) for app in found]
    settings = visit.platform.settings
    return render(visit, "home.html", apps=listed, remote=settings.git_remote("hello"))


def state_of(app: AppState) -> tuple[str, str]:
    """How an app is: a word for its looks, and words for people."""
    if app.under_way is not None:
        return "busy", WAITING.get(app.under_way, app.under_way.capitalize())
    if app.live is None:
        return "none", "Nothing deployed yet"
    if app.project.stopped:
        return "stopped", "Stopped"
    unwell = [row for row in app.processes if row.health in ("unhealthy", "down")]
    if unwell:
        named = ", ".join(f"{row.process}.{row.index} is {row.health}" for row in unwell[:3])
        return "error", named + (f" and {len(unwell) - 3} more" if len(unwell) > 3 else "")
    return "live", "Live"


ROUTES = (page("/", show, public=True),)
