"""Domains: the host names that an app answers to beside its own. One owner a name."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy import routes
from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, NotFoundError, RoutingError, UsageError
from deployzero.models.access import Role
from deployzero.models.deployment import Project, User
from deployzero.models.domains import OWN, covers, is_at_or_below, normalise, refused
from deployzero.operations.access import require, role_with
from deployzero.settings import Settings
from deployzero.store import deployments, domains, projects

MOST = 100
"""Of one app."""


@dataclass(frozen=True, slots=True)
class DomainReport:
    app: str
    host: str
    """Its own, which stays."""
    names: tuple[str, ...]
    """Normalised, `*.example.com` among them."""
    live: bool
    """It is deployed and not stopped, so that they are in force."""
    server: str
    """Where their DNS records must lead: the server's name; empty: it has none."""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


async def report(platform: Platform, user: User, app: str) -> DomainReport:
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        names = await domains.of_project(session, project.id)
        live = await deployments.live(session, project.id)
    return _report(platform, project, names, live is not None and not project.stopped)


async def add(platform: Platform, user: User, app: str, names: Sequence[str]) -> DomainReport:
    """Give the app these names too, all or none; those that it has already stay.

    Raises UsageError for what is no domain, ConflictError for another app's.
    """
    return await _change(platform, user, app, added=names)


async def remove(platform: Platform, user: User, app: str, names: Sequence[str]) -> DomainReport:
    """Raises NotFoundError for a name that it does not have; then none is removed."""
    return await _change(platform, user, app, removed=names)


async def replace(platform: Platform, user: User, app: str, names: Sequence[str]) -> DomainReport:
    """Make these all that it has beside its own."""
    return await _change(platform, user, app, all_of=names)


async def clear(platform: Platform, user: User, app: str) -> DomainReport:
    """Leave it its own host alone."""
    return await _change(platform, user, app, all_of=[])


async def _change(
    platform: Platform,
    user: User,
    app: str,
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
    all_of: Sequence[str] | None = None,
) -> DomainReport:
    async with platform.database.begin() as session:
        project = await require(session, user, app, Role.DEPLOYER)
        added = _normalised(platform.settings, app, added if all_of is None else all_of)
        removed = _normalised(platform.settings, app, removed)
        await domains.hold(session)
        before = await domains.of_project(session, project.id)
        if all_of is not None:
            removed = [name for name in before if name not in added]
        _check_has(platform, app, before, removed)
        own = platform.settings.host(app)
        new = [name for name in added if name not in before and name != own]
        if len(before) - len(removed) + len(new) > MOST:
            raise ConflictError(
                f"an app has {MOST} domains at most", "A wildcard (*.example.com) is one."
            )
        await domains.remove(session, project.id, removed)
        for name in new:
            await _check_free(session, user, project, name)
        await domains.add(session, project.id, new)
        names = await domains.of_project(session, project.id)
        live = await deployments.live(session, project.id)
    if names != before:
        await _put_in_force(platform, project)
    return _report(platform, project, names, live is not None and not project.stopped, new, removed)


async def _put_in_force(platform: Platform, project: Project) -> None:
    try:
        await routes.set_hosts(platform, project.id)
    except RoutingError as error:
        raise RoutingError(
            f"stored, but not in force yet: {error.message}",
            f"The next deployment brings them along. {error.hint}",
            error.detail,
        ) from error


def _normalised(settings: Settings, app: str, names: Sequence[str]) -> list[str]:
    found = dict.fromkeys(normalise(name) for name in names)
    for name in found:
        _check_not_ours(settings, app, name)
    return list(found)


def _check_not_ours(settings: Settings, app: str, name: str) -> None:
    """Names of deployzero itself, and those that a later app will have by its name."""
    domain = settings.domain
    if name == settings.host(app):
        return
    if is_at_or_below(name, domain) or covers(name, domain):
        raise refused(
            name, f"{domain} is the server's own: an app has <app>.{domain} there and no other"
        )
    if any(is_at_or_below(name, own) for own in OWN):
        raise refused(name, "it is reserved")


def _check_has(platform: Platform, app: str, before: Sequence[str], removed: Sequence[str]) -> None:
    for name in removed:
        if name == platform.settings.host(app):
            raise UsageError(f"{name} is {app}'s own and stays", "`apps:rename` changes it.")
        if name not in before:
            near = difflib.get_close_matches(name, before, n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise NotFoundError(
                f"{app} has no domain {name}", f"{hint}`domains {app}` shows what it has."
            )


async def _check_free(session: AsyncSession, user: User, project: Project, name: str) -> None:
    """What another app has is taken; so is what its wildcard covers, and what a wildcard would
    take from it, unless this user may change that app too."""
    for each in await domains.touching(session, name):
        if each.project_id == project.id:
            continue
        other = await projects.get(session, each.project_id)
        role = await role_with(session, user, other)
        if each.name == name or role is None or role < Role.DEPLOYER:
            raise _taken(name, each.name, other.name if role is not None else None)


def _taken(name: str, of: str, app: str | None) -> ConflictError:
    """app: None if the user may not see it; it must not show then."""
    who = "another app" if app is None else app
    if name == of:
        why = f"{name} is in use by {who}"
    elif app is None:
        # Not even which names of it: `of` may be one that nobody but its owner knows.
        why = f"{name} overlaps with a domain of {who}"
    else:
        why = f"{name} overlaps with {of}, a domain of {who}"
    hint = f"Remove it there first: domains:remove {app} {of}" if app else "Choose another one."
    return ConflictError(why, hint)


def _report(
    platform: Platform,
    project: Project,
    names: Sequence[str],
    live: bool,
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
) -> DomainReport:
    domain = platform.settings.domain
    return DomainReport(
        app=project.name,
        host=platform.settings.host(project.name),
        names=tuple(names),
        live=live,
        server="" if domain == "localhost" else domain,
        added=tuple(added),
        removed=tuple(removed),
    )
