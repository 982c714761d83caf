"""One-off runs: a fresh container of the live release each. The engine's labels are their record.

A foreground run belongs to its session and goes with it; a detached one outlives the
server's restarts, and goes once it has ended or is too old.
"""

import asyncio
import dataclasses
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import WEB, one_off_spec
from deployzero.deploy.release import Release
from deployzero.deploy.runtime_logs import archive
from deployzero.deploy.shielded import shielded
from deployzero.errors import ConflictError, DeployZeroException
from deployzero.runtime import labels
from deployzero.runtime.attachment import Attachment
from deployzero.runtime.container import ContainerSpec, ContainerSummary

logger = logging.getLogger(__name__)

PROCESS = "run"
MOST = 20
"""Runs of an app at once."""
NUMBERS = range(1000, 10_000)
ABANDONED = 60.0
"""Seconds; also covers an engine whose clock is off."""
SHOWN = 200
"""Characters of a command that a label holds."""


@asynccontextmanager
async def attached(
    platform: Platform,
    release: Release,
    command: tuple[str, ...],
    by: str,
    *,
    own_entrypoint: bool = True,
    terminal: str | None = None,
) -> AsyncIterator[Attachment]:
    """A run whose input and output the caller holds; it is removed at the block's end.

    terminal: its type. own_entrypoint: the image's own comes before the command.
    """
    spec = _spec(platform, release, command, by, labels.FOREGROUND, own_entrypoint)
    environment = spec.environment | ({"TERM": terminal} if terminal else {})
    spec = dataclasses.replace(
        spec, attached=True, terminal=terminal is not None, environment=environment
    )
    async with _numbered(platform, spec) as spec:
        name = platform.runtime.name_of(spec)
        platform.sat_at.add(name)
        try:
            attachment = await platform.runtime.attach(spec)
            try:
                yield attachment
            finally:
                await end(attachment)
        finally:
            platform.sat_at.discard(name)


async def detached(
    platform: Platform,
    release: Release,
    command: tuple[str, ...],
    by: str,
    *,
    own_entrypoint: bool = True,
) -> str:
    """Start a run that nobody sits at; returns its name, `run.4821`."""
    spec = _spec(platform, release, command, by, labels.DETACHED, own_entrypoint)
    async with _numbered(platform, spec) as spec:
        await platform.runtime.start(spec)
    return f"{spec.process}.{spec.index}"


async def end(attachment: Attachment) -> None:
    """To its end even when the session is cancelled; the watch removes what an engine kept."""
    await shielded(_ended(attachment))


async def _ended(attachment: Attachment) -> None:
    try:
        await attachment.end()
    except DeployZeroException as error:
        logger.warning("a run is not removed yet: %s", error.message)


async def of_app(platform: Platform, *names: str | None) -> list[ContainerSummary]:
    """Oldest first; those that have ended and are about to be removed included.

    names: the app's, and the one that it had before: what runs keeps that to its end.
    """
    found = await platform.runtime.list_containers(labels.RUN)
    return sorted((run for run in found if run.app in names), key=lambda run: run.created)


async def stop(platform: Platform, run: ContainerSummary) -> None:
    """End it as what is live is ended, keep its log, remove it."""
    await platform.runtime.stop(run.name, platform.settings.stop_grace)
    await remove(platform, run)


async def remove(platform: Platform, run: ContainerSummary) -> None:
    if run.labels.get(labels.RUN) == labels.DETACHED:
        await archive(platform, run.name)
    await platform.runtime.remove(run.name)


async def sweep(platform: Platform) -> None:
    """Remove what has ended, end what is too old. Done by the watch, again and again."""
    for run in await platform.runtime.list_containers(labels.RUN):
        age = time.time() - run.created
        if run.labels[labels.RUN] == labels.DETACHED:
            # A created one may be just about to start.
            over = not run.running and await _has_ended(platform, run)
        else:  # the engine was away when it was to go with its session
            over = run.name not in platform.sat_at and age > ABANDONED
        if over or age > platform.settings.max_run_seconds:
            try:
                await (stop if run.running else remove)(platform, run)
            except DeployZeroException as error:
                logger.warning("%s is not removed yet: %s", run.name, error.message)


async def end_foreground(platform: Platform) -> None:
    """At the server's end and at its start: nobody sits at them any more. Nothing is raised."""
    try:
        found = await platform.runtime.list_containers(f"{labels.RUN}={labels.FOREGROUND}")
        await asyncio.gather(*(platform.runtime.remove(run.name) for run in found))
    except DeployZeroException as error:
        logger.warning("runs that nobody sits at are left: %s", error.message)


def outlives_server(container: ContainerSummary) -> bool:
    """Whether a container without a row may stay over the server's restart."""
    return container.labels.get(labels.RUN) == labels.DETACHED


async def _has_ended(platform: Platform, run: ContainerSummary) -> bool:
    status = await platform.runtime.status(run.name)
    return status is not None and not status.running and status.finished_at is not None


@asynccontextmanager
async def _numbered(platform: Platform, spec: ContainerSpec) -> AsyncIterator[ContainerSpec]:
    """With a number that no other run has. Inside it counts among the app's runs, also while
    the engine does not list it yet. Raises ConflictError if there are too many."""
    lock = platform.run_locks.setdefault(spec.app, asyncio.Lock())
    async with lock:
        # Before the engine is asked: one that has started meanwhile may be in neither.
        taken = {number for app, number in platform.run_numbers if app == spec.app}
        taken |= {run.index for run in await of_app(platform, spec.app)}
        if len(taken) >= MOST:
            raise ConflictError(
                f"{len(taken)} commands run already, {MOST} are the most", f"run:list {spec.app}"
            )
        number = secrets.choice([each for each in NUMBERS if each not in taken])
        platform.run_numbers.add((spec.app, number))
    try:
        yield dataclasses.replace(spec, index=number)
    finally:
        platform.run_numbers.discard((spec.app, number))


def _spec(
    platform: Platform,
    release: Release,
    command: tuple[str, ...],
    by: str,
    kind: str,
    own_entrypoint: bool,
) -> ContainerSpec:
    spec = one_off_spec(platform, release, WEB, None)
    marks = {labels.RUN: kind, labels.RUN_BY: by, labels.RUN_COMMAND: _shown(command)}
    return dataclasses.replace(
        spec,
        process=PROCESS,
        command=command if own_entrypoint else command[1:],
        entrypoint=None if own_entrypoint else command[:1],
        boot_cpus=spec.cpus,
        labels=spec.labels | marks,
    )


def _shown(command: tuple[str, ...]) -> str:
    text = command[-1] if command[:2] == ("/bin/sh", "-c") else " ".join(command)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
