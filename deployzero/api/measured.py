"""How long each request takes, by its route."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Of others, and of paths that there are none of, a client could make any number."""


class Measured:
    """Middleware that tells the platform's metrics of every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in METHODS else "other"
                route = getattr(scope.get("route"), "path", "") or "none"
                seconds = time.perf_counter() - begun
                metrics = scope["app"].state.platform.metrics
                metrics.answered(method, route, message["status"], seconds)
            await send(message)

        await self._app(scope, receive, sending)
