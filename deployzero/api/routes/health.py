"""GET /healthz: whether the server is well."""

import asyncio
from collections.abc import Awaitable

from fastapi import APIRouter, Response

from deployzero.api.auth import CurrentPlatform
from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException

router = APIRouter(tags=["server"])

CHECK_LIMIT = 5.0


@router.get("/healthz", responses={503: {"description": "A part of it is not well."}})
async def healthz(platform: CurrentPlatform, response: Response) -> dict[str, str]:
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


async def _proxy_answers(platform: Platform) -> None:
    if not await platform.proxy.answers():
        raise DeployZeroException("does not answer")


async def _state(check: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(CHECK_LIMIT):
            await check
    except (DeployZeroException, TimeoutError) as error:
        return str(error) or "does not answer"
    return "ok"
