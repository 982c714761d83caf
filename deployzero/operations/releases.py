"""Releases: what an app was and is, and the way back."""

from dataclasses import dataclass

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, NotFoundError
from deployzero.models.access import Role
from deployzero.models.deployment import Deployment, User
from deployzero.models.release import Change, Kind
from deployzero.operations.access import require
from deployzero.operations.changes import start_change
from deployzero.store import deployments, releases


@dataclass(frozen=True, slots=True)
class Release:
    """A numbered release; what only ran it again (a restart, say) is none."""

    deployment: Deployment
    live: bool

    @property
    def number(self) -> int:
        return self.deployment.release or 0

    @property
    def kept(self) -> bool:
        """Its image is there: it can be rolled back to."""
        return self.deployment.image is not None


@dataclass(frozen=True, slots=True)
class ReleaseInfo:
    release: Release
    variables: tuple[str, ...] | None
    """Names of the app's own config, without values; None: they are forgotten."""


async def list_releases(
    platform: Platform, user: User, app: str, limit: int, before: int | None = None
) -> list[Release]:
    """Newest first. before: only those with a lower number."""
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        live = await deployments.live(session, project.id)
        found = await releases.numbered(session, project.id, limit, before)
    return [_release(each, live) for each in found]


async def release_info(platform: Platform, user: User, app: str, number: int) -> ReleaseInfo:
    """Raises NotFoundError."""
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        live = await deployments.live(session, project.id)
        found = await releases.by_release(session, project.id, number)
    if found is None:
        raise _no_release(app, number)
    release = _release(found, live)
    if found.variables is None and not release.live:
        return ReleaseInfo(release, None)
    own, _ = platform.vault.open_variables(found.variables)
    return ReleaseInfo(release, tuple(sorted(own)))


async def rollback(
    platform: Platform,
    user: User,
    app: str,
    number: int | None,
    idempotency_key: str | None = None,
) -> int:
    """Run an older release again, as a new one; returns the deployment's id. Needs a deployer.

    number: None for the one before the live one. idempotency_key: see `start_change`. Raises
    ConflictError if that cannot be.
    """
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.DEPLOYER)
        live = await deployments.live(session, project.id)
        if live is None:
            raise ConflictError(f"{app} is not deployed yet", "Push it first.")
        target = await deployments.rollback_target(session, live, number)
        kept = await releases.with_image(session, project.id)
    possible = [each for each in kept if each != live.release]
    if target is None or target.release is None:
        raise _no_release(app, number)
    if target.release == live.release:
        raise ConflictError(f"v{live.release} is what is live", _choice(app, possible))
    if target.image is None:
        raise ConflictError(
            f"v{target.release} cannot be rolled back to: its image is not kept any more",
            _choice(app, possible),
        )
    change = Change(release=target.release)
    message = f"Rollback to v{target.release}"
    return await start_change(platform, user, app, Kind.ROLLBACK, change, message, idempotency_key)


def _release(deployment: Deployment, live: Deployment | None) -> Release:
    return Release(deployment, live is not None and live.release == deployment.release)


def _no_release(app: str, number: int | None) -> NotFoundError:
    if number is None:
        return NotFoundError(f"{app} has no release before the live one", f"See `releases {app}`.")
    return NotFoundError(f"{app} has no release v{number}", f"See `releases {app}`.")


def _choice(app: str, numbers: list[int]) -> str:
    if not numbers:
        return "There is no other release to roll back to: push the commit again."
    listed = ", ".join(f"v{number}" for number in numbers[:10])
    return f"You can roll back to {listed}: rollback {app} v{numbers[0]}"
