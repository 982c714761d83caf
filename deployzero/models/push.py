"""What receiving a push needs from the rest: five callables and the values between them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from deployzero.models.deployment import Outcome, Push, User


@dataclass(frozen=True, slots=True)
class PushTarget:
    """An app as one who pushes to it or clones it sees it."""

    app: str
    deploy_branch: str | None
    """None until the first push decides between main and master."""
    live_commit: str | None
    """40 hex digits: of what the live release was made; None: there is none."""
    serves: bool = True
    """False: it is stopped or all its web processes are down. Then no commit is shown as live."""

    @property
    def shown_commit(self) -> str | None:
        return self.live_commit if self.serves else None


FindApp = Callable[[User, str], Awaitable[PushTarget | None]]
"""The app, or None: it does not exist, or this user may not see it."""
CreateApp = Callable[[User, str, str], Awaitable[None]]
"""(user, app, deploy branch): make the app, or settle the branch of one that has none yet.
Raises ConflictError when somebody else has the name."""
StartDeployment = Callable[[Push], Awaitable[int]]
"""Queue it and return its id. It owns `Push.checkout` from then on; if it raises, it does not."""
FollowLog = Callable[[int], AsyncIterator[str]]
"""A deployment's log lines from the first one on, ending when the deployment has ended."""
GetOutcome = Callable[[int], Awaitable[Outcome]]
"""How the deployment ended; asked once its log has ended."""


@dataclass(frozen=True, slots=True)
class Deployments:
    """The rest of deployzero, as receiving a push sees it."""

    find_app: FindApp
    create_app: CreateApp
    start: StartDeployment
    follow: FollowLog
    outcome: GetOutcome
