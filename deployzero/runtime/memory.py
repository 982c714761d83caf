"""Out-of-memory kills inside a container whose init lives on, such as a gunicorn worker's."""

from pathlib import Path

PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")


def oom_kills(pid: int, proc: Path = PROC, cgroup: Path = CGROUP) -> int:
    """How many processes the kernel killed at the container's limit; 0 when unknown."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return 0
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            return _counter(cgroup / "memory" / path.lstrip("/") / "memory.oom_control")
        if not controllers and (cgroup / "cgroup.controllers").exists():
            return _counter(cgroup / path.lstrip("/") / "memory.events")
    return 0


def _counter(file: Path) -> int:
    try:
        fields = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return 0
    return next((int(value) for name, value in fields if name == "oom_kill"), 0)
