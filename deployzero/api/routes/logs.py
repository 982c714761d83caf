"""/projects/{project}/logs: what an app prints."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, nullcontext
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.reference import AppName
from deployzero.api.streams import (
    NDJSON,
    PIECE,
    TEXT,
    LineStream,
    Watched,
    Write,
    in_pieces,
    ndjson,
    wants_ndjson,
)
from deployzero.errors import ContainerError
from deployzero.models.runtime_log import RuntimeLine, Skipped
from deployzero.operations import logs

router = APIRouter(tags=["logs"])

LINES = 100
MOST_TOLD = 100
REMOVED_ALONE = "What runs is out of reach: `output` has the last lines of what was removed."
Line = RuntimeLine | Skipped
ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The lines; NDJSON if `Accept` names it.",
        "content": {
            TEXT: {
                "schema": {"type": "string"},
                "example": "2026-11-23T04:00:00.123Z app[web.1]: GET / 200",
            },
            NDJSON: {
                "schema": {"type": "string"},
                "example": '{"at": "2026-11-23T04:00:00.123456789Z", "source": "web.1", '
                '"data": "GET / 200"}',
            },
        },
    }
}


@router.get("/projects/{project}/logs", response_class=Response, responses=ANSWER)
async def runtime_logs(
    request: Request,
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    lines: Annotated[
        int, Query(ge=0, le=logs.MOST, description="The last ones, to begin with.")
    ] = LINES,
    process: Annotated[
        str | None, Query(max_length=100, description="Only `web`, or only `web.1`.")
    ] = None,
    follow: Annotated[bool, Query(description="Go on with what comes.")] = False,
) -> Response:
    """What an app printed, of replaced containers too.

    `{"skipped": 12}` is told where more came than the reader took. An empty line every 15
    seconds of a followed log means nothing.
    """
    project = await logs.check(platform, user, app, process)
    as_ndjson = wants_ndjson(request)
    coming: AsyncGenerator[list[Line], None] | None = None
    history: Sequence[Line]
    if follow:
        coming = logs.follow(platform, user, app, lines, process)
        history = await anext(coming)  # from here on no line is missed: the answer may begin
    else:
        found = await logs.recent(platform, user, app, lines, process)
        history = found.lines
        if found.away is not None:
            told = [_text(line) for line in history[-MOST_TOLD:]]
            raise ContainerError(found.away.message, f"{REMOVED_ALONE} {found.away.hint}", told)

    async def work(write: Write) -> None:
        async with nullcontext() if coming is None else aclosing(coming):
            for at in range(0, len(history), PIECE):
                await write(_written(history[at : at + PIECE], as_ndjson))
            if coming is not None:
                await in_pieces(coming, lambda batch: write(_written(batch, as_ndjson)))

    watched = Watched(request, user, app, project.id)
    return LineStream(watched, work, ndjson=as_ndjson, beat=follow)


def _written(lines: Sequence[Line], as_ndjson: bool) -> bytes:
    if as_ndjson:
        return ndjson([_row(line) for line in lines])
    return "".join(f"{_text(line)}\n" for line in lines).encode()


def _row(line: Line) -> dict[str, Any]:
    if isinstance(line, Skipped):
        return {"skipped": line.lines}
    return {"at": line.at, "source": line.source, "data": line.text}


def _text(line: Line) -> str:
    if isinstance(line, Skipped):
        return f"… {line.lines} lines skipped: more came than could be shown"
    return f"{line.at[:23]}Z app[{line.source}]: {line.text}"
