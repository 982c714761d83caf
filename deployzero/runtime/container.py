"""What to run, and what the engine says about it."""

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One process of a deployment. Sizes are bytes, CPUs are cores (0.5: half a core)."""

    app: str
    deployment_id: int
    process: str
    index: int
    image: str
    port: int
    """`PORT` in the container; what the app is to listen on."""
    address: str | None = None
    """Its fixed address; None: any of the network's dynamic range (one-off runs)."""
    command: tuple[str, ...] | None = None
    """None: the image's own."""
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    memory_bytes: int = 512 * 1024**2
    cpus: float = 0.5
    boot_cpus: float = 2.0
    """The limit until `settle`, at low shares so that live apps do not feel it."""
    pids: int = 512
    generated_image: bool = True
    """Built from deployzero's own Dockerfile: runs with no capability at all."""
    name: str = ""
    """The engine's name for it; empty: made from the instance and the fields above."""
    labels: dict[str, str] = field(default_factory=dict)
    """More labels; deployzero's own always win."""
    entrypoint: tuple[str, ...] | None = None
    """None: the image's own."""
    attached: bool = False
    """Somebody holds its input and output: it is not logged, its input ends with theirs."""
    terminal: bool = False
    """Of `attached`: it has a terminal."""


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    name: str
    running: bool
    exit_code: int
    """Of its last end; 0 while it never ended."""
    oom_killed: bool
    pid: int
    """Of its init, in the host's eyes; 0 when it is not running."""
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    restarts: int
    """How often the engine restarted it by its restart policy."""
    address: str
    memory_bytes: int = 0
    """Its limit; 0: none."""
    restarting: bool = False
    """It has ended, and the engine is about to start it again."""
    settled: bool = False
    """It has the restart policy of what is live (`Runtime.settle`)."""

    @property
    def seconds(self) -> float:
        """How long its last run took; 0 while it runs."""
        if self.running or self.started_at is None or self.finished_at is None:
            return 0.0
        return max(0.0, (self.finished_at - self.started_at).total_seconds())


@dataclass(frozen=True, slots=True)
class ContainerSummary:
    """A line of the engine's list, stopped containers included."""

    name: str
    app: str
    deployment_id: int
    process: str
    index: int
    image: str
    running: bool
    address: str
    id: str = ""
    """The engine's own, 64 hex digits: another container of the same name has another."""
    created: float = 0.0
    """Seconds since 1970."""
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """`web.1`, as its log lines have it."""
        return f"{self.process}.{self.index}"


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """Something happened to a container of ours."""

    action: str
    """`start`, `die` or `destroy`."""
    container: ContainerSummary


@dataclass(frozen=True, slots=True)
class Image:
    id: str
    tags: tuple[str, ...]
    labels: dict[str, str]
    size: int
    """Bytes, shared layers included."""


def parse_time(text: str) -> dt.datetime | None:
    """The engine's RFC 3339 with nanoseconds; its zero time is None."""
    if not text or text.startswith("0001-"):
        return None
    seconds, _, fraction = text.rstrip("Z").partition(".")
    micros = fraction[:6].ljust(6, "0") if fraction else "0"
    return dt.datetime.fromisoformat(f"{seconds}+00:00").replace(microsecond=int(micros))
