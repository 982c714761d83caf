"""The HTTP API. So far it tells whether the server is well; the rest is to come."""

import asyncio
from collections.abc import Awaitable

from fastapi import FastAPI, Response

from deployzero import __version__
from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException

CHECK_LIMIT = 5.0


def make_app(platform: Platform) -> FastAPI:
    app = FastAPI(title="deployzero", version=__version__, openapi_url=None)

    @app.get("/healthz")
    async def healthz(response: Response) -> dict[str, str]:
        """200 once database, engine and proxy are fine; else 503 and what is not."""
        parts = {
            "database": platform.database.ping(),
            "engine": platform.runtime.ping(),
            "proxy": _proxy_answers(platform),
        }
        results = await asyncio.gather(*(_state(check) for check in parts.values()))
        if any(result != "ok" for result in results):
            response.status_code = 503
        return dict(zip(parts, results, strict=True))

    return app


async def _proxy_answers(platform: Platform) -> None:
    if not await platform.proxy.answers():
        raise DeployZeroException("does not answer")


async def _state(check: Awaitable[object]) -> str:
    try:
        await asyncio.wait_for(check, CHECK_LIMIT)
    except (DeployZeroException, TimeoutError) as error:
        return str(error) or "does not answer"
    return "ok"
