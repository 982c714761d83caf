"""/projects/{project}/run and /enter: a program that you sit at, over a WebSocket.

The client's first message says what to run, `{"command": ["python"], "terminal": "xterm"}`;
api/seat.py has the others. The last one to the client is `{"type": "exit", "code": 0}`, or
`{"type": "error", …}` with a problem's members.
"""

import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from deployzero.api.auth import CurrentPlatform, CurrentUser
from deployzero.api.problems import problem
from deployzero.api.reference import AppName
from deployzero.api.seat import Command, Seat
from deployzero.api.streams import GOING_AWAY, Watched, open_streams
from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException
from deployzero.models.access import Role
from deployzero.models.deployment import User
from deployzero.operations import runs
from deployzero.operations.events import recorded
from deployzero.operations.guard import streaming
from deployzero.operations.terminal import WindowSize, join
from deployzero.runtime.attachment import Attachment
from deployzero.source.channel import ClientGoneError

router = APIRouter(tags=["runs"])

Start = Callable[[Command], AbstractAsyncContextManager[Attachment]]


@router.websocket("/projects/{project}/run")
async def run(
    websocket: WebSocket, platform: CurrentPlatform, user: CurrentUser, app: AppName
) -> None:
    """Run a command in a fresh container of what is live; it ends when the connection does."""

    def start(wanted: Command) -> AbstractAsyncContextManager[Attachment]:
        return runs.running(
            platform,
            user,
            app,
            wanted.command,
            wanted.terminal,
            own_entrypoint=wanted.entrypoint,
        )

    sitting = _Sitting(websocket, platform, user, app, "run", start)
    await sitting.serve(lambda wanted: runs.program(wanted.command))


@router.websocket("/projects/{project}/enter")
async def enter(
    websocket: WebSocket, platform: CurrentPlatform, user: CurrentUser, app: AppName
) -> None:
    """Run a command, or a shell, in a running container; its process may be the first word."""

    def start(wanted: Command) -> AbstractAsyncContextManager[Attachment]:
        return runs.entering(platform, user, app, wanted.command, wanted.terminal)

    sitting = _Sitting(websocket, platform, user, app, "enter", start)
    await sitting.serve(lambda wanted: runs.entered(wanted.command))


class _Sitting:
    """One connection, from its handshake to its end."""

    def __init__(
        self,
        websocket: WebSocket,
        platform: Platform,
        user: User,
        app: str,
        action: str,
        start: Start,
    ) -> None:
        self._websocket = websocket
        self._platform = platform
        self._user = user
        self._app = app
        self._action = action
        self._start = start
        self._seat = Seat(websocket)

    async def serve(self, detail: Callable[[Command], str]) -> None:
        """detail: for the audit log, without arguments, which may be secrets."""
        await runs.check(self._platform, self._user, self._app)
        room = streaming(self._platform, self._user)
        with room, contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.accept()  # from here on it may be closed at any time
            try:
                wanted = await self._seat.first()
                code = await self._recorded(wanted, detail(wanted))
                await self._websocket.send_json({"type": "exit", "code": code})
            except ClientGoneError:
                if open_streams(self._websocket.app).stopping.is_set():
                    await self._websocket.close(GOING_AWAY, "the server stops")
                if self._seat.refused is None:
                    return
                await self._tell(self._seat.refused)
            except DeployZeroException as error:
                await self._tell(error)
            await self._websocket.close()

    async def _tell(self, error: DeployZeroException) -> None:
        told = problem(error).model_dump(mode="json")
        await self._websocket.send_json({**told, "type": "error"})

    async def _recorded(self, wanted: Command, detail: str) -> int:
        audited = recorded(
            self._platform, self._user, action=self._action, app=self._app, detail=detail
        )
        async with audited as entry:
            watched = Watched(
                self._websocket, self._user, self._app, entry.project_id, Role.DEPLOYER
            )
            code = await watched.run(self._joined(wanted), self._left)
            if code:
                entry.result = f"exit code {code}"
        return code

    async def _joined(self, wanted: Command) -> int:
        size = WindowSize(wanted.columns, wanted.rows)
        async with self._start(wanted) as program:
            code = await join(self._seat, program, size, self._platform.settings.max_run_seconds)
        if self._seat.gone.is_set():
            raise ClientGoneError("the client hung up")
        return code

    async def _left(self) -> None:
        await self._seat.gone.wait()
