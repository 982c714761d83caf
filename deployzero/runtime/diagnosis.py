"""Why a container is not well: the error that tells the user the whole truth."""

import dataclasses
import ipaddress
from collections.abc import Sequence

from deployzero.errors import ContainerError, ResourceLimitError
from deployzero.models.cause import Subject, known_cause
from deployzero.runtime.causes import CAUSES
from deployzero.runtime.causes.listeners import listen_hint
from deployzero.runtime.container import ContainerStatus
from deployzero.runtime.memory import oom_kills
from deployzero.runtime.runtime import Runtime
from deployzero.runtime.sockets import Listener, listeners

LINES = 50
EXIT_HINTS = {
    0: "A web process must keep running and listen on $PORT: name the one that does in a Procfile "
    "('web: <command>'). What listens nowhere is a worker there; what ends is for `run`.",
    126: "The start command is not executable.",
    127: "The start command, or what it calls, was not found in the image.",
}
NOBODY = Subject()


async def exited(
    runtime: Runtime, name: str, status: ContainerStatus | None, subject: Subject = NOBODY
) -> ContainerError:
    """The error for a container that ended by itself (None: that was removed)."""
    if status is None:
        return ContainerError("the app's container was removed while it started", "Push again.")
    detail = await runtime.logs_tail(name, LINES)
    if status.oom_killed:
        return out_of_memory(status, detail, subject)
    message = f"the app exited with code {status.exit_code} after {status.seconds:.1f}s"
    hint = EXIT_HINTS.get(status.exit_code, "See the app's last lines above.")
    return _explained(message, hint, detail, dataclasses.replace(subject, code=status.exit_code))


async def unhealthy(
    runtime: Runtime,
    name: str,
    port: int,
    seen: str,
    waited: float,
    hint: str,
    subject: Subject = NOBODY,
) -> ContainerError:
    """The error for a container that runs, but did not pass its checks.

    hint: what to do about an answer that does not pass.
    """
    status = await runtime.status(name)
    if status is None or not status.running:
        return await exited(runtime, name, status, subject)
    detail = await runtime.logs_tail(name, LINES)
    if oom_kills(status.pid):
        return out_of_memory(status, detail, subject)
    failed = f"the app is not healthy after {waited:.0f}s: "
    if not seen.startswith("nothing listens"):
        return _explained(failed + seen, hint, detail, subject)
    if wrong := wrong_listener(status.pid, port):
        hint = listen_hint(subject, port).removesuffix(".") + port_setting(listeners(status.pid))
        return ContainerError(failed + wrong, hint, detail)
    hint = (
        f"Make the app listen on 0.0.0.0:$PORT (PORT is {port}); an app that needs longer to "
        "start: raise DEPLOYZERO_BOOT_TIMEOUT."
    )
    return _explained(failed + seen, hint, detail, subject)


def wrong_listener(pid: int, port: int) -> str:
    """'listens on 127.0.0.1:5000, expected 0.0.0.0:8000', or '' when nothing says so."""
    found = listeners(pid)
    if not found or any(one.port == port and one.everywhere for one in found):
        return ""
    return f"listens on {', '.join(map(str, found))}, expected 0.0.0.0:{port}"


def port_setting(found: Sequence[Listener]) -> str:
    """The other way, where the port is all that is wrong."""
    if len(found) != 1 or not found[0].everywhere:
        return ""
    return (
        f"; or, if it listens there whatever PORT says, in deployzero.toml: port = {found[0].port}"
    )


def on_loopback(pid: int, port: int) -> bool:
    """The app listens at the right port, where nothing outside its container reaches it."""
    found = [one for one in listeners(pid) if one.port == port]
    return bool(found) and all(ipaddress.ip_address(one.address).is_loopback for one in found)


def out_of_memory(
    status: ContainerStatus, detail: list[str], subject: Subject = NOBODY
) -> ResourceLimitError:
    limit = f" at the limit of {status.memory_bytes // 1024**2} MB" if status.memory_bytes else ""
    more = max(status.memory_bytes // 1024**2 * 2, 512)
    return ResourceLimitError(
        f"out of memory: killed{limit}",
        "Make the app use less (fewer workers, say), or give it more: "
        f"resource:limit {subject.app} --memory {more}m",
        detail,
    )


def _explained(message: str, hint: str, detail: list[str], subject: Subject) -> ContainerError:
    if known := known_cause(CAUSES, detail, subject):
        return ContainerError(f"{message.rstrip('.')}: {known.message}", known.hint, detail)
    return ContainerError(message, hint, detail)
