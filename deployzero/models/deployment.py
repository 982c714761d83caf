"""The life of a deployment, and who asked for it."""

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from deployzero.models.access import Scope
from deployzero.models.release import Kind


class State(StrEnum):
    """`created -> building -> deploying -> live | error`; see TRANSITIONS for the rest."""

    CREATED = "created"
    BUILDING = "building"
    DEPLOYING = "deploying"
    LIVE = "live"
    ERROR = "error"
    RETIRED = "retired"
    CANCELLED = "cancelled"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.CREATED: frozenset({State.BUILDING, State.ERROR, State.CANCELLED}),
    State.BUILDING: frozenset({State.DEPLOYING, State.ERROR, State.CANCELLED}),
    State.DEPLOYING: frozenset({State.LIVE, State.ERROR, State.CANCELLED}),
    State.LIVE: frozenset({State.RETIRED}),
    State.ERROR: frozenset(),
    State.RETIRED: frozenset(),
    State.CANCELLED: frozenset(),
}
"""The only moves there are (DESIGN, section 2). The store refuses any other."""

UNFINISHED = frozenset({State.CREATED, State.BUILDING, State.DEPLOYING})
UNDER_WAY = frozenset({State.BUILDING, State.DEPLOYING})


@dataclass(frozen=True, slots=True)
class User:
    id: int
    name: str
    role: str
    """`admin` or `member`."""
    key_fingerprint: str = ""
    """What signed them in: SHA256:… of an SSH key, or an API key's beginning, `dz_Ab12Cd34`."""
    scope: Scope = Scope.ADMIN
    """The most that what signed them in may do; an SSH key may all that its user may."""
    only_project: int | None = None
    """The id of the only app that it may touch; None: all that its user may."""
    api_key_id: int | None = None
    """Of the API key, or the browser's session, that signed them in; None: neither did."""


@dataclass(frozen=True, slots=True)
class SSHKey:
    """A public key that signs its user in."""

    id: int
    user_id: int
    name: str
    public_key: str
    """One line of OpenSSH's format."""
    fingerprint: str
    """SHA256:…, unique: a key names one user."""
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Project:
    id: int
    name: str
    user_id: int
    deploy_branch: str | None
    """None until the first push decides between main and master."""
    created_at: dt.datetime
    locked_by: str | None = None
    """Who locked it against deployments; None: it is not locked."""
    stopped: bool = False
    """By `ps:stop`: it keeps its release and serves nothing, until it is started or pushed to."""
    destroying: bool = False
    """On its way out: nobody sees it any more, and its name is not free yet."""
    previous_name: str | None = None
    """Set while a rename still has the old name's route, network and repository to clear."""
    rename_id: int | None = None
    """The restart that brings it to its new name, until that is live. If that fails, the app
    has its old name again, and the new one is what is left to clear."""
    formation: dict[str, int] = field(default_factory=dict)
    """From `ps:scale`: process name to how many; goes before app.json's."""
    limits: dict[str, dict[str, Any]] = field(default_factory=dict)
    """From `resource:limit`: process name to `dataclasses.asdict` of its Limits."""
    checks: dict[str, Any] | None = None
    """From `checks:set`: fields of a HealthCheck for the web process, or `{"disabled": true}`;
    goes before app.json's. None: nothing was set."""


@dataclass(frozen=True, slots=True)
class Deployment:
    id: int
    project_id: int
    app: str
    user_id: int
    user_name: str
    state: State
    branch: str
    commit: str
    old_commit: str | None
    """What the client saw as live when it pushed; None: nothing was."""
    forced: bool
    message: str
    release: int | None
    """Its vN, given at the commit point; None: it never was live."""
    image: str | None
    config: dict[str, Any] | None
    """`dataclasses.asdict` of the ProjectConfig, once detected."""
    reason: str
    """One line: why it ended as `error` or `cancelled`."""
    timings: dict[str, float]
    """Seconds by stage: receive, checkout, detect, build, boot, switch, total."""
    created_at: dt.datetime
    finished_at: dt.datetime | None
    started_at: dt.datetime | None = None
    """When a worker took it; None: it still waits."""
    checkout: str = ""
    """Folder that holds its tree until it has ended; empty: it is checked out when it builds."""
    kind: Kind = Kind.PUSH
    change: str | None = field(default=None, repr=False)
    """Sealed JSON of its Change (`Vault`); None: it changes the code alone."""
    variables: str | None = field(default=None, repr=False)
    """Sealed JSON of the Variables that its containers have, `{"app": …, "server": …}`;
    set when its turn comes. What `rollback` brings back."""
    key_fingerprint: str = ""
    """Of the key that its user signed in with."""


@dataclass(frozen=True, slots=True)
class Push:
    """A commit that was received and checked out, ready to be deployed."""

    app: str
    user: User
    branch: str
    old_commit: str | None
    new_commit: str
    forced: bool
    """The client overrode: new is no descendant of the old id that it named."""
    message: str
    """First line of the commit's message."""
    checkout: str
    """Folder that holds the tree; the deployment owns and removes it."""
    started_at: float
    """`time.monotonic()` when the session's command began."""
    timings: dict[str, float] = field(default_factory=dict)
    kind: Kind = Kind.PUSH
    idempotency_key: str | None = None
    """The client's own name for its request."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a deployment ended, for the one who waits for it."""

    live: bool
    reason: str


@dataclass(frozen=True, slots=True)
class LogLine:
    seq: int
    """1, 2, 3 … within its deployment."""
    text: str


@dataclass(frozen=True, slots=True)
class Container:
    """One process of a deployment, as the store knows it."""

    id: int
    deployment_id: int
    project_id: int
    app: str
    process: str
    index: int
    name: str
    """The engine's name for it, unique on the engine."""
    address: str
    port: int
    health: str
    """`starting`, `healthy`, `unhealthy` or `down`."""
