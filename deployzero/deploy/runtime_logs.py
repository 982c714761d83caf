"""What an app prints: kept when its containers go, read from both places as one."""

import asyncio
import contextlib
import functools
import heapq
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from deployzero.deploy import variables
from deployzero.deploy.log_archive import SHORT, Archived
from deployzero.deploy.log_hub import Release
from deployzero.deploy.log_outlet import readable
from deployzero.deploy.platform import Platform
from deployzero.deploy.release import generated_secrets, loaded_config
from deployzero.errors import ContainerError, DeployZeroException, NotFoundError
from deployzero.logs.redaction import Redact, redaction
from deployzero.models.deployment import UNFINISHED, Deployment, State
from deployzero.models.runtime_log import RuntimeLine, Skipped
from deployzero.runtime import labels
from deployzero.runtime.container import ContainerSummary
from deployzero.runtime.engine_stream import NoSuchContainerError
from deployzero.settings import parse_bytes
from deployzero.store import deployments, projects

logger = logging.getLogger(__name__)

ARCHIVE_LIMIT = 20.0
"""Seconds that a container's removal may wait for its log."""
REST = 0.02
REST_EACH = 0.002
"""Seconds that a follower rests between two batches, and more for each that follows: fewer,
larger writes."""
MOST_A_SECOND = 40_000
"""Lines for all followers together: others want their turn too."""
AT_ONCE = 16

Wanted = Callable[[str], bool]
"""Whether a source (`web.1`) is."""


@dataclass(frozen=True, slots=True)
class History:
    lines: list[RuntimeLine]
    newest: dict[str, str]
    """Container to the newest time that was seen of it, shown or not."""
    away: ContainerError | None
    """Why the lines are those of removed containers alone."""


async def release_of(platform: Platform, deployment_id: int) -> tuple[int, Redact] | None:
    """Whose deployment it is, and what takes the secrets of its containers out of a line.

    None: it is unknown, or its variables are forgotten: then no line may be shown. Raises
    SettingsError when secret.key does not fit: neither then.
    """
    try:
        async with platform.database.read() as session:
            deployment = await deployments.get(session, deployment_id)
    except NotFoundError:
        return None
    if deployment.variables is None and deployment.state not in UNFINISHED | {State.LIVE}:
        return None
    make = functools.partial(_redaction, platform, deployment)
    return deployment.project_id, await platform.redactions.get(deployment_id, make)


def _redaction(platform: Platform, deployment: Deployment) -> Redact:
    groups = platform.vault.open_variables(deployment.variables)
    guessed = variables.secrets(*groups)
    marked: list[str] = []
    if deployment.config:
        config = loaded_config(deployment.config)
        guessed += config.environment.values()
        marked += generated_secrets(platform, deployment.project_id, config).values()
    return redaction(guessed, marked)


async def archive(platform: Platform, name: str) -> None:
    """Keep what a container printed, right before it is removed. Nothing is raised.

    Idempotent: it is done again after a kill.
    """
    try:
        async with asyncio.timeout(ARCHIVE_LIMIT):
            container = await platform.runtime.find(name)
            if container is not None:
                await _archive(platform, container)
    except (DeployZeroException, OSError, TimeoutError) as error:
        logger.warning("the log of %s is not kept: %s", name, error or type(error).__name__)


async def _archive(platform: Platform, container: ContainerSummary) -> None:
    known = await release_of(platform, container.deployment_id)
    if known is None or container.labels.get(labels.RUN) == labels.FOREGROUND:
        return
    project_id, redact = known
    kept: deque[tuple[str, str]] = deque()
    left = parse_bytes(platform.settings.app_log_bytes)
    async with platform.runtime.logs(container.id, tail=left // 32) as batches:
        async for entries in batches:
            for entry in entries:
                text = readable(entry.text, redact)
                kept.append((entry.at, text))
                left -= _size(text)
            while left < 0 and kept:
                left += _size(kept.popleft()[1])
    if kept:
        await asyncio.to_thread(
            platform.log_archive.write,
            project_id,
            container.source,
            container.deployment_id,
            container.id,
            kept,
        )


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace")) + len("2026-11-23T04:00:00.000000000Z  ")


async def history(platform: Platform, project_id: int, most: int, wanted: Wanted) -> History:
    """The last lines of all containers, removed ones too, by time. most: lines."""
    tails: dict[str, list[RuntimeLine]] = {}
    away = None
    try:
        tails = await _tails(platform, project_id, most, wanted)
    except ContainerError as error:
        away = error
    logs = [lines for lines in tails.values() if lines]
    logs += await asyncio.to_thread(_archived, platform, project_id, most, wanted, set(tails))
    newest = {lines[-1].container: max(line.at for line in lines) for lines in logs}
    merged = heapq.merge(*(sorted(lines, key=_at) for lines in logs), key=_at)
    return History(list(deque(merged, maxlen=most)), newest, away)


async def follow(
    platform: Platform, project_id: int, most: int, wanted: Wanted
) -> AsyncGenerator[list[RuntimeLine | Skipped], None]:
    """The last lines, then all that come, from whatever containers the app has by then.

    Each line once, however containers come and go. Ends when the server does. Raises
    ContainerError when the engine does not answer as it begins.
    """
    living = functools.partial(_living, platform, project_id)
    subscription = platform.log_hub.subscribe(project_id, living, _releases(platform), wanted)
    async with subscription as subscriber:
        # One line at least, though none is wanted: it tells which of those that come are news.
        past = await history(platform, project_id, max(most, 1), wanted)
        yield list(past.lines) if most else []
        if past.away is not None:
            raise past.away
        async for batch in subscriber.batches():
            if news := [line for line in batch if _is_news(line, past.newest)]:
                yield news
                await asyncio.sleep(_rest(len(news), platform.log_hub.followers))


async def of_deployment(
    platform: Platform, project_id: int, deployment_id: int
) -> list[RuntimeLine]:
    """What the removed containers of a deployment printed, by time."""

    def read() -> list[RuntimeLine]:
        archive = platform.log_archive
        most = parse_bytes(platform.settings.app_log_bytes) // 32
        found = [a for a in archive.every(project_id) if a.deployment_id == deployment_id]
        return sorted((line for a in found for line in archive.tail(a, most)), key=_at)

    return await asyncio.to_thread(read)


async def sources(platform: Platform, project_id: int) -> set[str]:
    """`web.1` and the like, of which there are lines."""
    living = {c.source for c, _ in await _living(platform, project_id)}
    kept = await asyncio.to_thread(platform.log_archive.every, project_id)
    return living | {archived.source for archived in kept}


def _releases(platform: Platform) -> Release:
    """`release_of`, asked once for each deployment."""
    known: dict[int, tuple[int, Redact] | None] = {}

    async def release(deployment_id: int) -> tuple[int, Redact] | None:
        if deployment_id not in known:
            known[deployment_id] = await release_of(platform, deployment_id)
        return known[deployment_id]

    return release


async def _living(platform: Platform, project_id: int) -> list[tuple[ContainerSummary, Redact]]:
    """The containers of the app on the engine, but for runs that somebody sits at.

    Those that bear the name which it had before are its own, too.
    """
    async with platform.database.read() as session:
        project = await projects.by_id(session, project_id)
    names = (project.name, project.previous_name) if project else ()
    found, release = [], _releases(platform)
    for name in filter(None, names):
        for container in await platform.runtime.list_containers(f"{labels.APP}={name}"):
            known = await release(container.deployment_id)
            foreground = container.labels.get(labels.RUN) == labels.FOREGROUND
            if known is not None and known[0] == project_id and not foreground:
                found.append((container, known[1]))
    return found


async def _tails(
    platform: Platform, project_id: int, most: int, wanted: Wanted
) -> dict[str, list[RuntimeLine]]:
    """The last lines of what is on the engine, by container.

    One that was removed since the list was made is not among them: its file is there by now.
    """
    found = [each for each in await _living(platform, project_id) if wanted(each[0].source)]
    slots = asyncio.Semaphore(AT_ONCE)

    async def tail(container: ContainerSummary, redact: Redact) -> list[RuntimeLine] | None:
        async with slots:
            return await _tail(platform, container, redact, max(1, most))

    tails = await asyncio.gather(*(tail(*each) for each in found))
    pairs = zip(found, tails, strict=True)
    return {each[0].id[:SHORT]: lines for each, lines in pairs if lines is not None}


async def _tail(
    platform: Platform, container: ContainerSummary, redact: Redact, most: int
) -> list[RuntimeLine] | None:
    """Its last lines; None: it has been removed."""
    lines: list[RuntimeLine] = []
    with contextlib.suppress(NoSuchContainerError):
        async with platform.runtime.logs(container.id, tail=most) as batches:
            async for entries in batches:
                lines += (
                    RuntimeLine(
                        entry.at,
                        container.source,
                        readable(entry.text, redact),
                        container.id[:SHORT],
                    )
                    for entry in entries
                )
        return lines
    return None


def _archived(
    platform: Platform, project_id: int, most: int, wanted: Wanted, living: set[str]
) -> list[list[RuntimeLine]]:
    def read(archived: Archived) -> list[RuntimeLine]:
        return platform.log_archive.tail(archived, max(1, most))

    found = platform.log_archive.every(project_id)
    logs = [read(a) for a in found if wanted(a.source) and a.container not in living]
    return [lines for lines in logs if lines]


def _rest(lines: int, followers: int) -> float:
    return max(REST, REST_EACH * followers, lines * followers / MOST_A_SECOND)


def _is_news(line: RuntimeLine | Skipped, newest: dict[str, str]) -> bool:
    return isinstance(line, Skipped) or line.at > newest.get(line.container, "")


def _at(line: RuntimeLine) -> str:
    return line.at
