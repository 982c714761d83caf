"""One push with stock git, and when its page was there."""

import re
import subprocess
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from page import Page
from target import Target

LIMIT = 120.0
"""Seconds for a warm push."""
GRACE = 2.0
"""How long the page is still asked for once the push has returned."""
TIMINGS = re.compile(r"^remote:\s+(receive \d.*)$", re.MULTILINE)
STAGE = re.compile(r"(\w+) (\d+(?:\.\d+)?)s")


@dataclass(frozen=True)
class PushRound:
    """Seconds since the push began; `live` None: the new page never came."""

    exit_code: int
    live: float | None
    returned: float
    stages: dict[str, float]
    """What the push itself said about its stages."""
    output: str

    @property
    def good(self) -> bool:
        return self.exit_code == 0 and self.live is not None

    @property
    def return_after_live(self) -> float:
        """Negative: the push returned before the page was seen."""
        return self.returned - self.live if self.live is not None else float("nan")


def push(target: Target, work: Path, app: str, page: str, limit: float = LIMIT) -> PushRound:
    """Push `work`; its page is asked every 10 ms from before the push begins."""
    stop = threading.Event()
    question = Page(target.address, target.http_port, target.host(app))
    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(question.wait, page, limit + GRACE, stop)
        try:
            began = time.monotonic()
            done = subprocess.run(
                ["git", "push", target.remote(app), "main"],
                cwd=work, env=target.environment, text=True, timeout=limit, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            returned = time.monotonic()
            live = _moment(seen)
        finally:
            stop.set()
    return PushRound(
        exit_code=done.returncode,
        live=live - began if live else None,
        returned=returned - began,
        stages=stages(done.stdout),
        output=done.stdout,
    )


def stages(output: str) -> dict[str, float]:
    """`remote:   receive 0.05s, checkout 0.01s, …` as seconds by stage."""
    found = TIMINGS.search(output)
    return {name: float(value) for name, value in STAGE.findall(found[1])} if found else {}


def _moment(seen: "Future[float]") -> float | None:
    try:
        return seen.result(GRACE)
    except TimeoutError:
        return None
