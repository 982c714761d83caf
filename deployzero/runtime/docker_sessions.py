"""Programs that somebody talks to: a container attached to, or a program in a running one."""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable

from deployzero.errors import ContainerError
from deployzero.runtime.attachment import Attachment
from deployzero.runtime.engine import Engine
from deployzero.runtime.engine_stream import DOCTOR, EngineStream, path, read_json

MARK = "DEPLOYZERO_SESSION"
"""A variable that marks every process of one `enter`, to find them when it has to end."""
END_MARKED = """\
for process in /proc/[0-9]*; do
  while IFS= read -r line || [ "$line" ]; do
    case "$line" in *%s*) kill -%s "${process#/proc/}"; break ;; esac
  done < "$process/environ"
done 2>/dev/null"""
"""The engine has no call that ends a program which it started in a container."""
SIGNALS = frozenset(
    {"ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL"}
    | {"PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2"}
)
"""Those of RFC 4254 (6.10). Others are ignored: a client's word goes into no shell's script."""
END_PAUSE = 0.05
END_LIMIT = 5.0


class DockerSessions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def attach(
        self, container: str, terminal: bool, remove: Callable[[], Awaitable[None]]
    ) -> Attachment:
        """Start a created container, attached to before its first byte."""
        ask = self._engine.ask

        async def resize(columns: int, rows: int) -> None:
            await ask("POST", path("containers", container, "resize", w=columns, h=rows))

        async def signal(name: str) -> None:
            if name in SIGNALS:
                await ask("POST", path("containers", container, "kill", signal=name))

        async def exit_code() -> int:
            return int((await _whole(waiting))["StatusCode"])

        async def end() -> None:
            stream.close()
            waiting.close()
            await remove()

        target = path("containers", container, "attach", stream=1, stdin=1, stdout=1, stderr=1)
        stream = await self._engine.open("POST", target, upgrade=True)
        try:
            target = path("containers", container, "wait", condition="next-exit")
            waiting = await self._engine.open("POST", target)
        except BaseException:
            stream.close()
            raise
        try:
            await ask("POST", path("containers", container, "start"))
        except BaseException:
            stream.close()
            waiting.close()
            raise
        return Attachment(stream, terminal, resize, signal, exit_code, end)

    async def execute(
        self,
        container: str,
        command: tuple[str, ...],
        environment: dict[str, str],
        terminal: bool,
    ) -> Attachment:
        ask, mark = self._engine.ask, secrets.token_hex(8)
        config = {
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": terminal,
            "Cmd": list(command),
            "Env": [f"{k}={v}" for k, v in {**environment, MARK: mark}.items()],
        }
        made = await ask("POST", path("containers", container, "exec"), config)
        exec_id = str(made["Id"])

        async def resize(columns: int, rows: int) -> None:
            await ask("POST", path("exec", exec_id, "resize", w=columns, h=rows))

        async def running() -> bool:
            return bool((await ask("GET", path("exec", exec_id, "json")))["Running"])

        async def exit_code() -> int:
            while (found := await ask("GET", path("exec", exec_id, "json")))["Running"]:  # noqa: ASYNC110
                await asyncio.sleep(END_PAUSE)
            return int(found["ExitCode"] or 0)

        async def signal(name: str) -> None:
            if name in SIGNALS:
                script = END_MARKED % (mark, name)
                await self._run(container, ("/bin/sh", "-c", script))

        async def end() -> None:
            stream.close()
            with contextlib.suppress(ContainerError, TimeoutError):  # the container has gone
                async with asyncio.timeout(END_LIMIT):
                    for name in ("HUP", "KILL"):
                        if await running():
                            await signal(name)
                            await asyncio.sleep(END_PAUSE)

        start = {"Detach": False, "Tty": terminal}
        target = path("exec", exec_id, "start")
        stream = await self._engine.open("POST", target, start, upgrade=True)
        return Attachment(stream, terminal, resize, signal, exit_code, end)

    async def _run(self, container: str, command: tuple[str, ...]) -> None:
        """Run a program in a container to its end; what it prints is dropped."""
        config = {"AttachStdout": True, "Cmd": list(command)}
        made = await self._engine.ask("POST", path("containers", container, "exec"), config)
        target = path("exec", str(made["Id"]), "start")
        stream = await self._engine.open("POST", target, {"Detach": False}, upgrade=True)
        try:
            while await stream.reader.read(1 << 16):
                pass
        finally:
            stream.close()


async def _whole(waiting: EngineStream) -> dict[str, int]:
    found: dict[str, int] | None = await read_json(waiting, None)
    if found is None:
        raise ContainerError("the Docker Engine went away while the command ran", DOCTOR)
    return found
