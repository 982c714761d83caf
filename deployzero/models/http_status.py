"""What an error is over HTTP: the same in the API and on the pages."""

from deployzero.errors import (
    ArchiveError,
    ArchiveTooLargeError,
    ConflictError,
    DeployZeroException,
    ForbiddenError,
    NotFoundError,
    ProjectDetectionError,
    ResourceLimitError,
    SourceError,
    TooManyRequestsError,
    UnauthenticatedError,
    UsageError,
)

STATUSES: dict[type[DeployZeroException], tuple[int, str]] = {
    UnauthenticatedError: (401, "Not signed in"),
    ForbiddenError: (403, "Not allowed"),
    NotFoundError: (404, "Not found"),
    ConflictError: (409, "Conflict"),
    ArchiveTooLargeError: (413, "Archive too large"),
    ArchiveError: (422, "Bad archive"),
    SourceError: (422, "Not taken"),
    ProjectDetectionError: (422, "Not recognised"),
    UsageError: (422, "Bad request"),
    TooManyRequestsError: (429, "Too many requests"),
    ResourceLimitError: (507, "A limit was hit"),
}
"""By class, the nearest base counts; any other error of ours is the server's: 503."""
UNAVAILABLE = (503, "Not available")


def status_of(error: DeployZeroException) -> tuple[int, str]:
    """Its HTTP status and title."""
    return next((STATUSES[each] for each in type(error).__mro__ if each in STATUSES), UNAVAILABLE)
