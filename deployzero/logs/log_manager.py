"""LogManager: persist, then publish.

Lines go into one queue and from there, by a single task, into the store: all that has
gathered in one transaction. Then the bus wakes those who follow. A follower reads rows
and nothing else, so it resumes where it was, and sees what another process wrote.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from sqlalchemy.exc import IntegrityError

from deployzero.errors import DeployZeroException
from deployzero.logs.bus import Bus, LocalBus
from deployzero.logs.redaction import Redact, redaction
from deployzero.logs.text import MAX_LINE, clean_lines, cut
from deployzero.models.deployment import LogLine
from deployzero.store import log_lines
from deployzero.store.database import Database

logger = logging.getLogger(__name__)

GATHER = 0.005
"""Seconds between two transactions, in which lines gather."""
BATCH = 2000
LOOK = 1.0
"""Seconds after which a follower looks by itself, for lines of another process."""
REST = 0.01
"""Seconds that a follower rests between two looks …"""
BUSY = 25
BUSY_REST = 0.05
"""… and when a look brought that many lines: fewer, larger looks when many follow."""
FLUSH_TIMEOUT = 30.0
RETRY = 0.25
TRIES = 3

MAX_LINES = 50_000
"""Lines of a deployment before its log is cut …"""
LINE_COST = 256
"""… a long one counting as one for each so many characters, so that size is bound too …"""
LINES_AFTER = 200
"""… but each step, result or error of deployzero's own is kept, with this many lines after it."""
OWN = ("----->", "=====>", " !     ")
MAX_RAW = 16 * MAX_LINE
"""Characters of a line that are looked at; what is stored is far shorter."""
TOO_LONG = f"       [log cut: more than {MAX_LINES} lines or {MAX_LINES * LINE_COST >> 20} MB]"


@dataclass(slots=True)
class _Log:
    """What is known, in this process, of a log that is being written."""

    redact: Redact = str
    left: int = MAX_LINES
    told: bool = False
    """That it is cut; once for each time that it is."""
    guessed: set[str] = field(default_factory=set)
    marked: set[str] = field(default_factory=set)


_Entry = tuple[int, str] | asyncio.Future[None]
"""(deployment id, line), or whom to tell when all that stands before it is stored."""


class LogManager:
    """Make it inside the event loop and use it there; `close` stores what is left.

    Whoever appends never waits. What may be queued is bounded by what a log may hold:
    lines beyond that are dropped before they are queued, however fast they come.
    """

    def __init__(self, database: Database, bus: Bus | None = None) -> None:
        self._database = database
        self._bus: Bus = bus or LocalBus()
        self._loop = asyncio.get_running_loop()
        self._logs: dict[int, _Log] = {}
        self._queue: deque[_Entry] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._writer = asyncio.create_task(self._write(), name="log writer")

    async def secrets_for(
        self, deployment_id: int, values: Iterable[str], marked: Iterable[str] = ()
    ) -> None:
        """Redact these from the deployment's lines from now on, along with earlier ones.

        values: those of its variables; marked: those that somebody called secret.
        """
        log = self._logs.setdefault(deployment_id, _Log())
        guessed, called_secret = log.guessed.union(values), log.marked.union(marked)
        if (guessed, called_secret) != (log.guessed, log.marked):
            log.redact = await asyncio.to_thread(redaction, guessed, called_secret)
            log.guessed, log.marked = guessed, called_secret

    def redacted(self, deployment_id: int, text: str) -> str:
        """Text that goes elsewhere, without the deployment's secrets."""
        log = self._logs.get(deployment_id)
        return log.redact(text) if log else text

    def append(self, deployment_id: int, text: str) -> None:
        """Add a line, or several split by newlines."""
        log = self._logs.setdefault(deployment_id, _Log())
        for line in clean_lines(text):
            self._queue.extend((deployment_id, kept) for kept in _kept(log, line))
        self._wake.set()

    async def flush(self, deployment_id: int) -> None:
        """Wait until all that was appended is stored. Raises DeployZeroException after 30 s."""
        stored = self._loop.create_future()
        self._queue.append(stored)
        self._wake.set()
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT):
                await stored
        except TimeoutError:
            raise _stuck() from None

    async def end(self, deployment_id: int) -> None:
        """Store what is left, fold the rows into the deployment, let its followers go.

        Lines appended later are dropped. Call it after the deployment's state is final,
        and at start for `log_lines.left_open`.
        """
        await self.flush(deployment_id)
        async with self._database.begin() as session:
            await log_lines.finish(session, deployment_id)
        self._logs.pop(deployment_id, None)
        self._bus.publish(_topic(deployment_id))

    async def follow(self, deployment_id: int, since: int = 0) -> AsyncIterator[LogLine]:
        """Yield the lines after number `since`, as they come, until the log has ended."""
        async with aclosing(self.follow_batches(deployment_id, since)) as batches:
            async for lines in batches:
                for line in lines:
                    yield line

    async def follow_batches(
        self, deployment_id: int, since: int = 0
    ) -> AsyncGenerator[list[LogLine], None]:
        """The same, as many lines at once as there are."""
        with self._bus.subscribe(_topic(deployment_id)) as wake:
            while True:
                wake.clear()
                async with self._database.read() as session:
                    lines, ended = await log_lines.after(session, deployment_id, since)
                if lines:
                    yield lines
                    since = lines[-1].seq
                if ended:
                    return
                if lines:
                    await asyncio.sleep(REST if len(lines) < BUSY else BUSY_REST)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await wake.wait()

    async def close(self) -> None:
        """Store what is queued, then stop; logs that have not ended stay open."""
        self._closing = True
        self._wake.set()
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT):
                await self._writer
        except TimeoutError:
            logger.error("%d log lines could not be stored", len(self._queue))

    async def _write(self) -> None:
        while not (self._closing and not self._queue):
            await self._wake.wait()
            if not self._closing:
                self._wake.clear()
            while batch := self._take():
                await self._store([entry for entry in batch if isinstance(entry, tuple)])
                for entry in batch:
                    if not isinstance(entry, tuple) and not entry.done():
                        entry.set_result(None)
                if not self._closing:
                    await asyncio.sleep(GATHER)

    def _take(self) -> list[_Entry]:
        return [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]

    async def _store(self, lines: list[tuple[int, str]]) -> None:
        """Try until it is done: the disk may have room again, a lock may go."""
        bugs = 0
        while lines:
            try:
                await self._insert(lines)
                break
            except DeployZeroException as error:
                logger.warning("log lines are not stored yet: %s", error)
            except IntegrityError:  # another process took the same numbers, or removed the app
                logger.info("log lines are numbered anew")
            except Exception:  # the task's border: one bad batch must not end all logs
                logger.exception("log lines cannot be stored")
                bugs += 1
                if bugs == TRIES:
                    break
            await asyncio.sleep(RETRY)
        for deployment_id in {deployment_id for deployment_id, _ in lines}:
            self._bus.publish(_topic(deployment_id))

    async def _insert(self, lines: list[tuple[int, str]]) -> None:
        async with self._database.begin(durable=False) as session:
            seqs = await log_lines.last_seqs(session, {deployment for deployment, _ in lines})
            rows = []
            for deployment_id, text in lines:
                if deployment_id in seqs:  # else its log has ended, or its app is gone
                    seqs[deployment_id] += 1
                    rows.append((deployment_id, seqs[deployment_id], text))
            await log_lines.add(session, rows)


def _kept(log: _Log, line: str) -> list[str]:
    """The line as it is stored, or nothing once the log is too long."""
    if line.startswith(OWN):
        log.left = max(log.left, LINES_AFTER)
    else:
        log.left -= 1 + min(len(line), MAX_LINE) // LINE_COST
    if log.left < 0:
        told, log.told = log.told, True
        return [] if told else [TOO_LONG]
    log.told = False
    return [cut(log.redact(line[:MAX_RAW]))]


def _topic(deployment_id: int) -> str:
    return f"logs:{deployment_id}"


def _stuck() -> DeployZeroException:
    return DeployZeroException(
        "log lines cannot be stored",
        "Look for free disk space and at the daemon's own log for the reason.",
    )
