"""GET /healthz: whether the server is well."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field

from fastapi import APIRouter, Request, Response

from deployzero.api.auth import CurrentPlatform
from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException

router = APIRouter(tags=["server"])

CHECK_LIMIT = 5.0
FRESH = 1.0
"""Seconds for which an answer stands: anybody may ask, as often as they like."""


@dataclass(slots=True)
class Health:
    """What of the server is well; one look at a time, for all who ask meanwhile."""

    _parts: dict[str, str] = field(default_factory=dict)
    _until: float = 0.0
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def parts(self, platform: Platform) -> dict[str, str]:
        async with self._looking:
            if time.monotonic() >= self._until:
                self._parts = await _look(platform)
                self._until = time.monotonic() + FRESH
            return self._parts


@router.get("/healthz", responses={503: {"description": "A part of it is not well."}})
async def healthz(
    platform: CurrentPlatform, request: Request, response: Response
) -> dict[str, str]:
    """200 once database, engine and proxy are fine; else 503 and what is not.

    It is looked once a second at most.
    """
    health: Health = request.app.state.health
    parts = await health.parts(platform)
    if any(state != "ok" for state in parts.values()):
        response.status_code = 503
    return parts


async def _look(platform: Platform) -> dict[str, str]:
    checks = {
        "database": platform.database.ping(),
        "engine": platform.runtime.ping(),
        "proxy": _proxy_answers(platform),
    }
    states = await asyncio.gather(*(_state(check) for check in checks.values()))
    return dict(zip(checks, states, strict=True))


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
