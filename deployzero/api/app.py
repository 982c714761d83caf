"""The HTTP API: FastAPI on the same operations as SSH. This file joins its parts."""

from fastapi import FastAPI

from deployzero import __version__
from deployzero.api import idempotency, openapi, problems
from deployzero.api.bodies import BoundedBodies
from deployzero.api.measured import Measured
from deployzero.api.routes import ROUTERS
from deployzero.api.routes.health import Health
from deployzero.api.streams import OpenStreams
from deployzero.deploy.platform import Platform

DESCRIPTION = """\
What `ssh deployzero@host` and the `deployzero` command line do, over HTTP. Sign in with
`POST /auth/login` or `deployzero login`, and send the key in `X-API-Key`. Lists are arrays;
the header `Link` names the next page. Every error is a problem document (RFC 9457) with a hint.

What starts a deployment takes an `Idempotency-Key`, so that it may be sent again; but changed
variables, a start and a new name take none.
"""


def make_app(platform: Platform) -> FastAPI:
    app = FastAPI(
        title="deployzero",
        version=__version__,
        description=DESCRIPTION,
        responses=openapi.RESPONSES,
        openapi_tags=openapi.tags(),
        generate_unique_id_function=openapi.operation_id,
        docs_url=None,  # the pages' own, which needs no network
        redoc_url=None,
    )
    app.state.platform = platform
    app.state.streams = OpenStreams()
    app.state.health = Health()
    problems.add_handlers(app)
    idempotency.add_handler(app)
    app.add_middleware(BoundedBodies)
    app.add_middleware(Measured)
    for router in ROUTERS:
        app.include_router(router)
    openapi.describe(app)
    return app
