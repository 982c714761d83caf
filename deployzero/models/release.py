"""What one deployment is to change, of code, config or processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a deployment is. All go through the same queue, state machine and health gate."""

    PUSH = "push"
    ARCHIVE = "archive"
    REBUILD = "rebuild"
    CONFIG = "config"
    ROLLBACK = "rollback"
    RESTART = "restart"
    """Fresh containers of what is live (ps:restart, ps:start, resource:limit, apps:rename)."""
    SCALE = "scale"
    """Containers that stay are taken over as they run; only the difference starts or ends."""


BUILDS = frozenset({Kind.PUSH, Kind.ARCHIVE, Kind.REBUILD})
"""Those that make a new image; a config change with `Change.rebuild` does too."""
NUMBERED = frozenset({Kind.PUSH, Kind.ARCHIVE, Kind.REBUILD, Kind.CONFIG, Kind.ROLLBACK})
"""Those that are a new release; the others run the live release's number again."""

MAY_BECOME = {
    Kind.SCALE: frozenset({Kind.RESTART, Kind.CONFIG}),
    Kind.RESTART: frozenset({Kind.CONFIG}),
}
"""What else a kind may be once its turn has come (`deploy/plan.py`)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A process type's resources; None: the server's default."""

    memory: str | None = None
    """As docker has it: `256m`."""
    cpus: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Beside the code. Worked out against what is live when the deployment's turn comes,
    and stored for the app only at its commit point: what fails changes nothing.
    """

    set: dict[str, str] = field(default_factory=dict, repr=False)
    """Variables to set: the only part that is secret."""
    build: tuple[str, ...] = ()
    """Those of `set` that builds get too."""
    unset: tuple[str, ...] = ()
    clear: bool = False
    """Drop every variable of the app first."""
    rebuild: bool = False
    """Build the live commit again (a variable of the build has changed)."""
    release: int | None = None
    """Roll back to this release; None: to the one before."""
    formation: dict[str, int] = field(default_factory=dict)
    """Process name to how many, for those that change."""
    limits: dict[str, Limits] = field(default_factory=dict)
    """Process name to the limits that are set; what is None in them stays as it is."""
    reset_limits: bool = False
    """Put both of these processes' limits back to the default first."""

    def limited(self, before: Mapping[str, Limits]) -> dict[str, Limits]:
        """The limits of every process after it."""
        after = dict(before)
        for process, given in self.limits.items():
            was = Limits() if self.reset_limits else after.get(process, Limits())
            after[process] = Limits(given.memory or was.memory, given.cpus or was.cpus)
        return after


@dataclass(frozen=True, slots=True)
class Variable:
    value: str = field(repr=False)
    build: bool = False
    """Builds get it too."""


Variables = dict[str, Variable]
