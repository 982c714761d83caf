"""A process that outlives the one that started it, known by its pid and start time."""

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

STAT_STATE, STAT_START = 0, 19
"""Positions in /proc/<pid>/stat after the command's closing parenthesis."""


CONFIG = "DEPLOYZERO_PROCESS_CONFIG"
"""Variable of a spawned process by which one that was lost sight of is known again."""


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    started: int
    """Clock ticks from the machine's boot to its start: a recycled pid has another."""
    boot: str
    """The machine's boot, since ticks begin anew with it."""
    config: str
    """What it was started with, as a digest."""

    def alive(self) -> bool:
        return self.boot == boot_id() and start_time(self.pid) == self.started

    def signal(self, number: signal.Signals) -> None:
        """Does nothing when it is gone; never reaches another process."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


PRIORITY = -10
"""Its niceness: every app's every request passes here, also while something builds."""


def spawn(command: list[str], output: Path, config: str) -> tuple[Process, subprocess.Popen[bytes]]:
    """Start in a session of its own, so that no terminal's Ctrl-C reaches it."""
    with output.open("wb") as out:
        child = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env={**os.environ, CONFIG: config},
        )
    with contextlib.suppress(PermissionError):  # only root may
        os.setpriority(os.PRIO_PROCESS, child.pid, PRIORITY)
    return Process(child.pid, start_time(child.pid) or 0, boot_id(), config), child


def save(process: Process, file: Path) -> None:
    made = file.with_suffix(".new")
    made.write_text(json.dumps(asdict(process)))
    made.replace(file)


def load(file: Path) -> Process | None:
    try:
        return Process(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def find(argument: str) -> Process | None:
    """A process of this user that runs with exactly this argument, whoever started it.

    Not one in a container, which could call itself anything.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid != os.geteuid() or not _is_like_us(folder):
                continue
            if os.fsencode(argument) in (folder / "cmdline").read_bytes().split(b"\0")[1:]:
                pid = int(folder.name)
                if started := start_time(pid):
                    return Process(pid, started, boot_id(), _config(folder))
        except OSError:  # it has just ended
            continue
    return None


def _is_like_us(folder: Path) -> bool:
    return (folder / "ns/pid").readlink() == Path("/proc/self/ns/pid").readlink()


def _config(folder: Path) -> str:
    """The digest that `spawn` gave it along; '' when there is none."""
    pairs = (folder / "environ").read_bytes().split(b"\0")
    prefix = f"{CONFIG}=".encode()
    return next((p.removeprefix(prefix).decode() for p in pairs if p.startswith(prefix)), "")


def start_time(pid: int) -> int | None:
    """None: there is no such process, or it has ended and only waits to be reaped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[STAT_STATE] in "ZX" else int(fields[STAT_START])


def boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def end(process: Process, grace: float) -> None:
    """SIGTERM, wait, SIGKILL. Blocks up to `grace` and 5 more seconds."""
    for number, limit in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        process.signal(number)
        until = time.monotonic() + limit
        while process.alive() and time.monotonic() < until:
            time.sleep(0.02)
