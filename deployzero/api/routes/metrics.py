"""GET /metrics: the server's figures, for Prometheus."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.operations.metrics import scrape

router = APIRouter(tags=["server"])

TEXT = {"schema": {"type": "string"}}


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": TEXT, "application/openmetrics-text": TEXT}}},
)
async def metrics(
    platform: CurrentPlatform,
    user: CurrentUser,
    accept: Annotated[str, Header(max_length=1000, include_in_schema=False)] = "",
) -> Response:
    """Figures of the server in Prometheus's text format, or OpenMetrics by Accept.

    For an admin's key of any scope; Prometheus sends it as `Authorization: Bearer`.
    """
    text, media_type = await scrape(platform, user, accept)
    return Response(text, media_type=media_type)
