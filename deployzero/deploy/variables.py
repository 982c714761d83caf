"""The config variables of an app: as stored, as a change leaves them, as containers get them.

A deployment stores its change at its commit point, into what is stored by then. What is
stored at once meanwhile (`--no-restart`) is added to the changes that wait, so that the
later command wins whichever is stored first, and no change is lost.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.vault import Vault
from deployzero.detection.choice import VARIABLES
from deployzero.models.release import Change, Kind, Variable, Variables
from deployzero.store import config_vars, deployments
from deployzero.store.config_vars import SealedVar

NAMED = 5
"""Names that a list of them has."""


async def stored(session: AsyncSession, vault: Vault, project_id: int | None) -> Variables:
    """An app's own; None: those of every app."""
    return {
        each.name: Variable(vault.open(each.sealed), each.build)
        for each in await config_vars.of_project(session, project_id)
    }


async def store(
    session: AsyncSession, vault: Vault, project_id: int | None, variables: Variables
) -> None:
    """Make these all that there are."""
    sealed = [
        SealedVar(name, vault.seal(each.value), each.build)
        for name, each in sorted(variables.items())
    ]
    await config_vars.replace(session, project_id, sealed)


async def store_at_once(
    session: AsyncSession, vault: Vault, project_id: int | None, change: Change
) -> Variables:
    """Without a deployment. Those that wait or are under way will store it too.

    Returns what was stored before.
    """
    await config_vars.lock(session, project_id)
    before = await stored(session, vault, project_id)
    await store(session, vault, project_id, changed(before, change))
    if project_id is None:
        return before
    for deployment_id, _, sealed in await config_vars.pending(session, project_id):
        both = followed_by(vault.open_change(sealed), change)
        await config_vars.set_change(session, deployment_id, vault.seal_change(both))
    return before


async def store_live(
    session: AsyncSession, vault: Vault, deployment_id: int, base: Variables | None = None
) -> None:
    """What a deployment has changed, in the transaction of its commit point.

    base: instead of what is stored now (what a rollback brings back).
    """
    deployment = await deployments.get(session, deployment_id)
    await config_vars.lock(session, deployment.project_id)
    if base is None:
        base = await stored(session, vault, deployment.project_id)
    # Read again, as it may have grown since the deployment was claimed.
    change = vault.open_change((await deployments.get(session, deployment_id)).change)
    await store(session, vault, deployment.project_id, changed(base, change))


async def to_come(
    session: AsyncSession, vault: Vault, project_id: int
) -> list[tuple[Kind, Change]]:
    """The changes of the deployments that are to store variables, oldest first."""
    waiting = await config_vars.pending(session, project_id)
    return [(kind, vault.open_change(sealed)) for _, kind, sealed in waiting]


def changed(variables: Variables, change: Change) -> Variables:
    """A new dictionary. A variable of the build stays one when its value is set again."""
    kept = {} if change.clear else {k: v for k, v in variables.items() if k not in change.unset}
    for name, value in change.set.items():
        before = variables.get(name)
        kept[name] = Variable(value, name in change.build or (before is not None and before.build))
    return kept


def differing(before: Variables, after: Variables) -> list[str]:
    """Names, sorted."""
    return sorted(name for name in before.keys() | after if before.get(name) != after.get(name))


def listed(names: Sequence[str]) -> str:
    """As a release's message or a log's line has them."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def followed_by(first: Change, then: Change) -> Change:
    """Both changes of variables, in this order, as one; all else is the first's."""
    kept = {} if then.clear else {k: v for k, v in first.set.items() if k not in then.unset}
    values = kept | then.set
    unset = () if then.clear else first.unset
    return replace(
        first,
        set=values,
        build=tuple(name for name in (*first.build, *then.build) if name in values),
        unset=tuple(dict.fromkeys(n for n in (*unset, *then.unset) if n not in then.set)),
        clear=first.clear or then.clear,
    )


def values(app: Variables, server: Variables) -> dict[str, str]:
    """What a container gets: the app's own go before those of every app."""
    return {name: each.value for name, each in (server | app).items()}


def build_values(app: Variables, server: Variables) -> dict[str, str]:
    """What a build gets: those that are marked for it."""
    return {name: each.value for name, each in (server | app).items() if each.build}


def secrets(*groups: Variables) -> list[str]:
    """Values that may be secret: not the folder, type or version that a push says was chosen.

    A command that was chosen may hold a password.
    """
    return [
        each.value
        for group in groups
        for name, each in group.items()
        if name not in VARIABLES or name.endswith("_COMMAND")
    ]
