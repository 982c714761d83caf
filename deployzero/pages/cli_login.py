"""/auth/cli-login: somebody sits at a computer that asks to be signed in, and approves it here."""

from starlette.responses import Response

from deployzero.operations import cli_logins
from deployzero.pages.page import Form, form, page
from deployzero.pages.rendering import render
from deployzero.pages.visit import Visit

PATH = "/auth/cli-login"


async def show(visit: Visit) -> Response:
    """Signed out: to /login, and back here with the code."""
    code = visit.request.query_params.get("code", "").strip()
    if not code:
        return render(visit, "cli_code.html")
    login = await cli_logins.find(visit.platform, visit.signed_in, code)
    return render(visit, "cli_login.html", login=login, decided=None)


async def decide(visit: Visit, sent: Form) -> Response:
    approve = sent.get("decision") == "approve"
    user = visit.signed_in
    login = await cli_logins.decide(visit.platform, user, sent.get("code", ""), approve)
    return render(visit, "cli_login.html", login=login, decided=approve)


ROUTES = (page(PATH, show), form(PATH, decide))
