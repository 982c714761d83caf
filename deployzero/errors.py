"""One exception family: every error a user may see carries a message and a hint.

Raised where the cause is known, rendered once at each front door. The message is one
line that says what happened; the hint says what to do next; `detail` is what stood
above it (an app's last lines, a tool's own output), already split into lines.
"""

from collections.abc import Sequence


class DeployZeroException(Exception):  # noqa: N818 - the specification's name
    """Base of all errors that deployzero raises on purpose."""

    def __init__(self, message: str, hint: str = "", detail: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = tuple(detail)


class SettingsError(DeployZeroException):
    """An unknown or bad setting."""


class SourceError(DeployZeroException):
    """What was pushed cannot be taken: a bad pack, tree, name or branch."""


class ArchiveError(SourceError):
    """An archive that cannot be taken: damaged, of no known kind, or with a bad entry."""


class ArchiveTooLargeError(ArchiveError):
    """An archive that is, or unfolds to, more than the server takes."""


class NotFoundError(DeployZeroException):
    """No such app, or none that the caller may see: one answer for both."""


class UnauthenticatedError(DeployZeroException):
    """Nobody has signed in, or with what is not or no longer valid."""


class TooManyRequestsError(DeployZeroException):
    """Asked too often; `seconds` says when to ask again."""

    def __init__(self, message: str, hint: str = "", seconds: int = 60) -> None:
        super().__init__(message, hint)
        self.seconds = seconds


class ForbiddenError(DeployZeroException):
    """The caller sees the app but has too low a role for this."""


class UsageError(DeployZeroException):
    """What was asked for makes no sense: a bad argument, value or combination."""


class ConflictError(DeployZeroException):
    """The state does not allow it now: a taken name, a stale push."""


class AlreadyStartedError(ConflictError):
    """The same request has come before, by its idempotency key, and started a deployment."""

    def __init__(self, deployment_id: int) -> None:
        super().__init__(f"this request came before: it is deployment {deployment_id}")
        self.deployment_id = deployment_id


class ProjectDetectionError(DeployZeroException):
    """No stack was recognised, or a file that decides it is broken."""


class BuildError(DeployZeroException):
    """The image could not be built."""


class ContainerError(DeployZeroException):
    """A container did not start, died, or never became healthy; or the engine failed."""


class ResourceLimitError(ContainerError):
    """A limit was hit: memory, disk, time."""


class RoutingError(DeployZeroException):
    """The proxy did not take the route."""


class DeploymentCancelledError(DeployZeroException):
    """Somebody stopped the deployment."""
