"""The config variables of an app: as stored, as a change leaves them, as containers get them."""

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy.vault import Vault
from deployzero.models.release import Change, Variable, Variables
from deployzero.store import config_vars
from deployzero.store.config_vars import SealedVar


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


def changed(variables: Variables, change: Change) -> Variables:
    """A new dictionary. A variable of the build stays one when its value is set again."""
    kept = {} if change.clear else {k: v for k, v in variables.items() if k not in change.unset}
    for name, value in change.set.items():
        before = variables.get(name)
        kept[name] = Variable(value, name in change.build or (before is not None and before.build))
    return kept


def values(app: Variables, server: Variables) -> dict[str, str]:
    """What a container gets: the app's own go before those of every app."""
    return {name: each.value for name, each in (server | app).items()}


def build_values(app: Variables, server: Variables) -> dict[str, str]:
    """What a build gets: those that are marked for it."""
    return {name: each.value for name, each in (server | app).items() if each.build}
