"""How a build is told: in one line when it was cached, else line by line as it comes."""

import asyncio
import collections
from collections.abc import Sequence

from deployzero.build.builder import BuildResult
from deployzero.deploy.progress import Progress

LAST = 500
"""Lines of output that are remembered, to tell whether an error only repeats them."""
QUIET = 1.0
"""Seconds that a build's lines are held back; a warm build has ended by then."""


class BuildOutput:
    """Used on the event loop only."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._held: list[str] | None = []
        self._last: collections.deque[str] = collections.deque(maxlen=LAST)
        self._timer = asyncio.get_running_loop().call_later(QUIET, self.release)

    def line(self, text: str) -> None:
        self._last.append(text)
        if self._held is None:
            self._progress.detail(text)
        else:
            self._held.append(text)

    def release(self) -> None:
        """Print what is held, and from now on every line as it comes."""
        self._timer.cancel()
        if self._held is None:
            return
        held, self._held = self._held, None
        self._progress.step("Building")
        for text in held:
            self._progress.detail(text)

    def unprinted(self, detail: Sequence[str]) -> tuple[str, ...]:
        """An error's lines, unless they stand above already."""
        return () if set(detail) <= set(self._last) else tuple(detail)

    def done(self, image: BuildResult) -> None:
        """Say what the build took: in short when nothing was printed yet."""
        self._timer.cancel()
        cached = f"{image.cached} of {image.steps} steps cached"
        if self._held is not None:
            self._progress.step(f"Building ({cached})")
        else:
            size = image.size_bytes / 1e6
            self._progress.step(f"Built in {image.seconds:.1f}s ({cached}), {size:.0f} MB")
