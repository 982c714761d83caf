"""A steady client: so many requests a second, each on a connection of its own, each counted."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

LIMIT = 10.0
"""Seconds until a request counts as lost."""


@dataclass(frozen=True, slots=True)
class Answer:
    began: float
    """`time.monotonic()`; when it was due, so that a late client hides nothing."""
    seconds: float
    result: str
    """The status, or what went wrong."""


@dataclass
class Load:
    """`run` goes on until it is cancelled; `answers` fills meanwhile."""

    address: str
    port: int
    host: str
    rate: float
    answers: list[Answer] = field(default_factory=list)

    async def run(self) -> None:
        due = time.monotonic()
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    group.create_task(self._count(due))
                    due += 1 / self.rate
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
            except asyncio.CancelledError:
                # What is under way still counts: the group waits for it.
                return

    async def _count(self, due: float) -> None:
        try:
            async with asyncio.timeout(LIMIT):
                result = await self._ask()
        except TimeoutError:
            result = "timeout"
        except (OSError, EOFError, ValueError) as error:
            result = type(error).__name__
        self.answers.append(Answer(due, time.monotonic() - due, result))

    async def _ask(self) -> str:
        """The status; ValueError for an answer that is no whole one."""
        reader, writer = await asyncio.open_connection(self.address, self.port)
        try:
            request = f"GET / HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
        status, *headers = head.decode("latin-1").split("\r\n")
        lengths = [int(h.split(":")[1]) for h in headers if h.lower().startswith("content-length:")]
        if lengths != [len(body)]:
            raise ValueError("an answer cut short")
        return status.split()[1]

    def results(self) -> Counter[str]:
        return Counter(answer.result for answer in self.answers)

    def seconds(self, windows: list[tuple[float, float]]) -> list[float]:
        """Latencies of what began within these spans of `time.monotonic()`."""
        return [a.seconds for a in self.answers if any(b <= a.began <= e for b, e in windows)]


def p99(values: list[float]) -> float:
    """The value that 99 of 100 do not exceed; NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 99 // 100) - 1)] if ordered else float("nan")
