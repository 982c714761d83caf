"""A line that an app printed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuntimeLine:
    at: str
    """`2026-11-23T04:00:00.123456789Z`: of fixed width, so that text sorts as time."""
    source: str
    """`web.1`."""
    text: str
    """Without control characters, and without the app's secrets."""
    container: str
    """Begin of the engine's id: the next container of the same process has another."""

    @property
    def process(self) -> str:
        return self.source.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A reader was slower than the app prints."""

    lines: int
