"""/deployments: archives that are deployed, what became of each deployment, and its log."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response, WebSocket

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.deployment import Deployment, queued, shown
from deployzero.api.idempotency import REPLAYS, OnceOnly
from deployzero.api.pagination import CurrentPage
from deployzero.api.reference import AppName
from deployzero.api.streams import (
    NDJSON,
    TEXT,
    LineStream,
    Watched,
    Write,
    in_pieces,
    ndjson,
    serve_socket,
    wants_ndjson,
)
from deployzero.api.upload import Upload
from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException
from deployzero.models import deployment as model
from deployzero.models.access import Role
from deployzero.models.deployment import LogLine, State
from deployzero.models.number import HIGHEST
from deployzero.models.release import Kind
from deployzero.operations import archives, builds, changes
from deployzero.operations.events import recorded
from deployzero.source.channel import ClientGoneError

router = APIRouter(tags=["deployments"])

DeploymentId = Annotated[int, Path(ge=1, le=HIGHEST, examples=[42])]
Since = Annotated[int, Query(ge=0, le=HIGHEST, description="Only lines after this `seq`.")]
BINARY = {"schema": {"type": "string", "format": "binary"}}
FORM = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "message": {"type": "string", "description": "Of the commit; before the file."},
            "file": {"type": "string", "format": "binary"},
        },
    }
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": FORM,
            "application/gzip": BINARY,
            "application/zip": BINARY,
            "application/x-tar": BINARY,
            "application/octet-stream": BINARY,
        },
    }
}
LOG: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The lines; NDJSON if `Accept` names it.",
        "content": {
            TEXT: {"schema": {"type": "string"}, "example": "-----> Python app detected"},
            NDJSON: {
                "schema": {"type": "string"},
                "example": '{"seq": 1, "data": "-----> Python app detected"}',
            },
        },
    }
}


@router.post(
    "/projects/{project}/deployments",
    status_code=202,
    openapi_extra=BODY,
    responses=REPLAYS,
)
async def deploy(
    request: Request,
    response: Response,
    platform: CurrentPlatform,
    user: CurrentUser,
    app: AppName,
    key: Annotated[str | None, Depends(OnceOnly(Kind.ARCHIVE))],
    message: Annotated[str, Query(max_length=1000, description="Of the commit.")] = "",
) -> Deployment:
    """Deploy an archive, as a push is: .tar, .tar.gz, .tar.bz2, .tar.xz or .zip.

    It becomes a commit on the deploy branch. Send it as the form's field `file`, or as the
    body itself: `curl -H "X-API-Key: …" --data-binary @app.tar.gz …`. A single top folder is
    looked through.

    An `Idempotency-Key` that was used before answers with the first deployment, whatever the
    body is: take a new one for each archive.
    """
    upload = Upload(request, message)
    try:
        async with recorded(platform, user, action="git:from-archive", app=app) as entry:
            watched = Watched(request, user, app, entry.project_id, Role.DEPLOYER)
            work = archives.deploy_archive(
                platform, user, app, upload.read, lambda: upload.message, key
            )
            deployment_id = await watched.run(work, upload.cut_off.wait)
    except ClientGoneError as gone:
        raise DeployZeroException("the server stops", "Send it again in a moment.") from gone
    return await queued(platform, user, deployment_id, response)


@router.get("/projects/{project}/deployments")
async def list_deployments(
    platform: CurrentPlatform, user: CurrentUser, app: AppName, page: CurrentPage
) -> list[Deployment]:
    """What was deployed, restarted, scaled or rolled back, failures too; the newest first."""
    found = await builds.list_builds(platform, user, app, page.limit + 1, page.after_number)
    return [shown(platform, each) for each in page.of(found, lambda each: each.id)]


@router.get("/deployments/{deployment}")
async def get_deployment(
    platform: CurrentPlatform, user: CurrentUser, deployment: DeploymentId
) -> Deployment:
    """How far it is, or how it ended."""
    return shown(platform, await changes.find(platform, user, deployment))


@router.post("/deployments/{deployment}/cancel")
async def cancel_deployment(
    platform: CurrentPlatform, user: CurrentUser, deployment: DeploymentId
) -> Deployment:
    """Stop one that waits or is under way; what is live stays. Answers once it is undone."""
    found = await changes.find(platform, user, deployment)
    async with recorded(
        platform, user, action="builds:cancel", app=found.app, detail=str(deployment)
    ):
        await changes.cancel(platform, user, deployment)
    return shown(platform, await changes.find(platform, user, deployment))


@router.get("/deployments/{deployment}/logs", response_class=Response, responses=LOG)
async def deployment_logs(
    request: Request,
    platform: CurrentPlatform,
    user: CurrentUser,
    deployment: DeploymentId,
    follow: Annotated[bool, Query(description="Go on until it has ended.")] = False,
    since: Since = 0,
) -> Response:
    """Its log so far, or as it comes.

    Followed as NDJSON, the lines are a WebSocket's messages, `{"type": "log", …}`, and the last
    one is `{"type": "status", …}`; without that it is not over: ask again, with `since`. An
    empty line every 15 seconds means nothing.
    """
    found = await changes.find(platform, user, deployment)
    as_ndjson = wants_ndjson(request)

    def written(lines: Sequence[LogLine]) -> bytes:
        if not as_ndjson:
            return "".join(f"{line.text}\n" for line in lines).encode()
        if follow:
            return ndjson([_log(line) for line in lines])
        return ndjson([{"seq": line.seq, "data": line.text} for line in lines])

    async def work(write: Write) -> None:
        of = changes.follow_lines if follow else changes.lines_so_far
        await in_pieces(of(platform, found.id, since), lambda lines: write(written(lines)))
        if follow and as_ndjson:
            await write(ndjson([await _status(platform, found)]))

    watched = Watched(request, user, found.app, found.project_id)
    return LineStream(watched, work, ndjson=as_ndjson, beat=follow)


@router.websocket("/deployments/{deployment}/logs")
@router.websocket("/deployments/{deployment}/logs/stream")
async def deployment_log_socket(
    websocket: WebSocket,
    platform: CurrentPlatform,
    user: CurrentUser,
    deployment: DeploymentId,
    since: Since = 0,
) -> None:
    """Its log as it comes, a message a line, and last how it ended."""
    found = await changes.find(platform, user, deployment)

    async def send(lines: Sequence[LogLine]) -> None:
        for line in lines:
            await websocket.send_json(_log(line))

    async def work() -> None:
        await in_pieces(changes.follow_lines(platform, found.id, since), send)
        await websocket.send_json(await _status(platform, found))

    await serve_socket(websocket, Watched(websocket, user, found.app, found.project_id), work)


def _log(line: LogLine) -> dict[str, Any]:
    return {"type": "log", "seq": line.seq, "data": line.text}


async def _status(platform: Platform, followed: model.Deployment) -> dict[str, Any]:
    ended = await changes.end_of(platform, followed.id)
    return {
        "type": "status",
        "state": ended.state if ended else State.CANCELLED,
        "live": ended is not None and ended.state in (State.LIVE, State.RETIRED),
        "release": ended.release if ended else None,
        "url": platform.settings.url(ended.app if ended else followed.app),
        "reason": ended.reason if ended else changes.DESTROYED,
    }
