"""Config variables: shown, set, unset, of one app or (`app` None) of every app."""

import difflib
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy import variables
from deployzero.deploy.platform import Platform
from deployzero.deploy.variables import differing, listed
from deployzero.errors import NotFoundError, UsageError
from deployzero.models.access import Role
from deployzero.models.deployment import Deployment, Project, User
from deployzero.models.release import Change, Kind, Variables
from deployzero.operations.access import require, require_admin
from deployzero.operations.changes import start_change
from deployzero.store import deployments, relocation

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
"""Match it whole (`fullmatch`)."""
PORT = "PORT"
PORT_IS_OURS = "PORT is set by deployzero: it is where the proxy reaches the app"
LARGEST = 127 * 1024
"""Bytes of NAME=value: Linux starts no process with a variable of 128 KiB …"""
MOST_BYTES = 512 * 1024
"""… nor one with 2 MiB of variables and arguments, those of every app included."""
MOST = 500


@dataclass(frozen=True, slots=True)
class ConfigVariable:
    name: str
    value: str | None = field(repr=False)
    """None: masked."""
    build: bool
    """Builds get it too."""
    of_every_app: bool
    running: bool
    """The live containers have this value."""


@dataclass(frozen=True, slots=True)
class ConfigResult:
    """What became of a change."""

    changed: tuple[str, ...]
    """Names; empty: everything was so already."""
    deployment: int | None = None
    """To follow: the change is in force, and stored, once it is live. None: stored already."""
    rebuild: bool = False
    effect: str = ""
    """When what is stored already will be in force."""


async def check_key(platform: Platform) -> None:
    """Raises SettingsError if this server's secret.key does not open what the database holds."""
    async with platform.database.read() as session:
        sealed = await (await session.connection()).run_sync(relocation.some_sealed)
    if sealed is not None:
        platform.vault.open(sealed)


async def show(
    platform: Platform, user: User, app: str | None, reveal: bool = False
) -> list[ConfigVariable]:
    """By name, those of every app among an app's own unless its own go before them.

    Values are masked for everybody; reveal needs an owner.
    """
    async with platform.database.read() as session:
        project = await _readable(session, user, app, Role.OWNER if reveal else Role.VIEWER)
        own, every = await _stored(session, platform, project)
        live = await deployments.live(session, project.id) if project else None
    running = variables.values(*platform.vault.open_variables(live.variables if live else None))
    return [
        ConfigVariable(
            name=name,
            value=each.value if reveal else None,
            build=each.build,
            of_every_app=name not in own,
            running=running.get(name) == each.value,
        )
        for name, each in sorted((every | own).items())
    ]


async def value(platform: Platform, user: User, app: str | None, name: str) -> str:
    """One variable, as the app gets it. Needs an owner. Raises NotFoundError."""
    async with platform.database.read() as session:
        project = await _readable(session, user, app, Role.OWNER)
        own, every = await _stored(session, platform, project)
    found = (every | own).get(name)
    if found is None:
        near = difflib.get_close_matches(name, [*own, *every], n=2)
        hint = f"Did you mean {' or '.join(near)}?" if near else "`config:keys` shows what is."
        raise NotFoundError("there is no such variable", hint)  # its name may be a value
    return found.value


async def keys(platform: Platform, user: User, app: str | None, merged: bool = False) -> list[str]:
    """The names. merged: with those of every app."""
    return [
        each.name
        for each in await show(platform, user, app)
        if merged or app is None or not each.of_every_app
    ]


async def export(
    platform: Platform, user: User, app: str | None, merged: bool = False
) -> dict[str, str]:
    """Name to value. merged: with those of every app. Needs an owner."""
    return {
        each.name: each.value or ""
        for each in await show(platform, user, app, reveal=True)
        if merged or app is None or not each.of_every_app
    }


async def set_variables(
    platform: Platform,
    user: User,
    app: str | None,
    values: Mapping[str, str],
    *,
    unset: Sequence[str] = (),
    build: bool = False,
    restart: bool = True,
    clear: bool = False,
) -> ConfigResult:
    """Set them all as one release of the same image, live with zero downtime.

    unset: names to drop along with it. build: builds get them too. restart False: only stored,
    for the next release, as it is for an app that is stopped or not deployed, and for variables
    of every app. clear: drop all others. Needs a deployer. Raises UsageError for a name or value
    that cannot be.
    """
    for name, text in values.items():
        check_variable(name, text)
    change = Change(
        set=dict(values), build=tuple(values) if build else (), unset=tuple(unset), clear=clear
    )
    return await _change(platform, user, app, change, restart)


async def unset_variables(
    platform: Platform, user: User, app: str | None, names: Sequence[str], *, restart: bool = True
) -> ConfigResult:
    """Drop them, as `set_variables` sets; what is not set is no error."""
    return await _change(platform, user, app, Change(unset=tuple(names)), restart)


async def clear_variables(
    platform: Platform, user: User, app: str | None, *, restart: bool = True
) -> ConfigResult:
    """Drop all, as `set_variables` sets."""
    return await _change(platform, user, app, Change(clear=True), restart)


def check_variable(name: str, value: str) -> None:
    """Raises UsageError. What is wrong stands in its hint: it may be a piece of a value."""
    if not NAME.fullmatch(name):
        raise UsageError(
            "a variable's name is up to 255 letters, digits and '_', and begins with no digit",
            f"{name[:40]!r} is none. ssh joins words with blanks: {BLANKS}",
        )
    if name == PORT:
        raise UsageError(PORT_IS_OURS, "Listen on it; a Dockerfile's EXPOSE chooses its number.")
    if "\0" in value:
        raise UsageError(
            f"{name} has a NUL in it: no process can be given that",
            "Encode binary values with base64 and decode them in the app.",
        )
    size = len(name) + len(value.encode("utf-8", "surrogatepass")) + 2
    if size > LARGEST:
        raise UsageError(
            f"{name} has {size} bytes, {LARGEST} are allowed",
            "Linux starts no process with a larger variable: keep it in a file or a store.",
        )


BLANKS = "quote twice (\"KEY='a b'\"), use --encoded, or pipe: config:set APP KEY < file"


async def _change(
    platform: Platform, user: User, app: str | None, change: Change, restart: bool
) -> ConfigResult:
    """As a release where there is one to replace, else at once."""
    if app is None or not restart:
        return await _store(platform, user, app, change)
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.DEPLOYER)
        live = await deployments.live(session, project.id)
        own = await variables.stored(session, platform.vault, project.id)
        waiting = await variables.to_come(session, platform.vault, project.id)
    if live is None or project.stopped:
        return await _store(platform, user, app, change)
    expected = functools.reduce(variables.changed, (each for _, each in waiting), own)
    after = variables.changed(expected, change)
    _check_size(after)
    # Those that wait may fail, so that what is stored counts as well as what is to come.
    touched = set(differing(own, variables.changed(own, change)))
    touched |= {*differing(expected, after), *_not_running(platform, live, after, change)}
    if any(kind is Kind.ROLLBACK for kind, _ in waiting):  # what it brings back is not known yet
        touched |= {*change.set, *change.unset, *(own if change.clear else ())}
    if not touched:
        return ConfigResult(())
    rebuild = any(
        name in kept and kept[name].build for kept in (own, expected, after) for name in touched
    )
    names = tuple(sorted(touched))
    change = replace(change, rebuild=rebuild)
    message = _message(change, names)
    deployment = await start_change(platform, user, app, Kind.CONFIG, change, message)
    return ConfigResult(names, deployment, rebuild)


async def _store(platform: Platform, user: User, app: str | None, change: Change) -> ConfigResult:
    """For the next release. The transaction holds others off, a deployment's end included."""
    if app is None:
        require_admin(user)
    async with platform.database.begin() as session:
        project = await require(session, user, app, Role.DEPLOYER) if app is not None else None
        project_id = project.id if project else None
        before = await variables.store_at_once(session, platform.vault, project_id, change)
        after = variables.changed(before, change)
        _check_size(after)
        touched = differing(before, after)
        effect = await _effect(session, project)
    if any(name in kept and kept[name].build for kept in (before, after) for name in touched):
        effect += f" Builds get it from the next push on, or now by `ps:rebuild {app or '<app>'}`."
    return ConfigResult(tuple(touched), effect=effect)


async def _effect(session: AsyncSession, project: Project | None) -> str:
    """When what is stored will be in force."""
    if project is None:
        return "Stored. In force from each app's next release on, or now by `ps:restart <app>`."
    if any(each.project_id == project.id for each in await deployments.unfinished(session)):
        return (
            f"Stored. The deployment under way may be without it; the next release will have it, "
            f"or now by `ps:restart {project.name}`."
        )
    if await deployments.live(session, project.id) is None:
        return f"Stored. {project.name} is not deployed yet: its first release will have it."
    if project.stopped:
        return f"Stored. In force once {project.name} is started, by `ps:start {project.name}`."
    return f"Stored. In force from the next release on, or now by `ps:restart {project.name}`."


def _not_running(
    platform: Platform, live: Deployment, after: Variables, change: Change
) -> set[str]:
    """What was stored earlier without a release, and is to be in force now."""
    running, _ = platform.vault.open_variables(live.variables)
    names = {*change.set, *change.unset, *(running if change.clear else ())}
    return {
        name
        for name in names & (running.keys() | after)
        if name not in running or name not in after or running[name].value != after[name].value
    }


def _check_size(after: Variables) -> None:
    """Raises UsageError for more than a process can be started with."""
    size = sum(len(name) + len(each.value.encode()) + 2 for name, each in after.items())
    if size > MOST_BYTES or len(after) > MOST:
        raise UsageError(
            f"that would be {len(after)} variables of {size} bytes in all: "
            f"{MOST} of {MOST_BYTES} bytes are allowed",
            "Linux starts no process with much more: keep large values in a file or a store.",
        )


def _message(change: Change, names: Sequence[str]) -> str:
    """What a change does, as `releases` shows it."""
    if change.clear:
        return "replace all variables" if change.set else "clear all variables"
    verb = "change" if change.set and change.unset else "set" if change.set else "unset"
    return f"{verb} {listed(names)}"


async def _readable(
    session: AsyncSession, user: User, app: str | None, role: Role
) -> Project | None:
    """None for the variables of every app, which only admins see."""
    if app is None:
        require_admin(user)
        return None
    return await require(session, user, app, role)


async def _stored(
    session: AsyncSession, platform: Platform, project: Project | None
) -> tuple[Variables, Variables]:
    """(the app's own, those of every app)"""
    every = await variables.stored(session, platform.vault, None)
    own = await variables.stored(session, platform.vault, project.id) if project else {}
    return own, every
