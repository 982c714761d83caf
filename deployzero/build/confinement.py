"""Keeps builds from starving live apps, through the cgroup that BuildKit's steps run below.

Builds ignore `memory` and `cgroupparent` over the API (tried on 20.10), but the engine
puts each step below `docker/buildkit`, which takes limits like any other group.
"""

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
SHARES = 64
"""Of the 1024 that each container has: a build gets what live apps leave over."""
WEIGHT = 6
"""The same in cgroup v2, where a container has 100."""


def confine(memory_bytes: int, root: Path = ROOT) -> str | None:
    """Limit all builds together; None when that is done, else why it cannot be."""
    unified = (root / "cgroup.controllers").is_file()
    try:
        return _confine_v2(memory_bytes, root) if unified else _confine_v1(memory_bytes, root)
    except OSError as error:
        return f"{error.filename}: {error.strerror}"


def _confine_v1(memory_bytes: int, root: Path) -> str | None:
    memory, cpu = root / "memory/docker", root / "cpu/docker"
    if not memory.is_dir() and (root / "memory/system.slice").is_dir():
        return "the engine uses systemd's control groups, which give builds none of their own"
    for group in (memory / "buildkit", cpu / "buildkit"):
        group.mkdir(parents=True, exist_ok=True)
    (memory / "buildkit/memory.limit_in_bytes").write_text(str(memory_bytes))
    (cpu / "buildkit/cpu.shares").write_text(str(SHARES))
    return None


def _confine_v2(memory_bytes: int, root: Path) -> str | None:
    parent = root / "docker"
    if not parent.is_dir():
        return "the engine uses systemd's control groups, which give builds none of their own"
    group = parent / "buildkit"
    group.mkdir(exist_ok=True)
    (parent / "cgroup.subtree_control").write_text("+memory +cpu")
    (group / "memory.max").write_text(str(memory_bytes))
    (group / "cpu.weight").write_text(str(WEIGHT))
    return None
