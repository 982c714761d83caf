"""What a deployment tells the one who pushed, and how long each stage took."""

import time

from deployzero.errors import DeployZeroException
from deployzero.logs.log_manager import LogManager
from deployzero.logs.text import clean_lines

STAGES = ("receive", "checkout", "detect", "wait", "build", "boot", "switch")


class Progress:
    """Writes the deployment's log in the push's own style and times its stages."""

    def __init__(self, logs: LogManager, deployment_id: int, timings: dict[str, float]) -> None:
        self.timings = dict(timings)
        self._logs = logs
        self._id = deployment_id
        self._stage: str | None = None
        self._since = time.monotonic()

    def step(self, text: str) -> None:
        self._logs.append(self._id, f"-----> {_one_line(text)}")

    def detail(self, text: str) -> None:
        """What anyone's program prints goes here: none of its lines can pass for a step."""
        # Cleaned before it is indented: `x\r-----> y` would lose the indent with the x.
        for line in clean_lines(text):
            self._logs.append(self._id, f"       {line}".rstrip())

    def result(self, text: str) -> None:
        self._logs.append(self._id, f"=====> {_one_line(text)}")

    def error(self, error: DeployZeroException) -> None:
        for line in error.detail:
            self.detail(line)
        for line in (_one_line(error.message), *error.hint.splitlines()):
            self._logs.append(self._id, f" !     {_one_line(line)}")

    def summary(self) -> str:
        """'receive 0.05s, checkout 0.01s, …' in the order of the stages."""
        return ", ".join(
            f"{stage} {self.timings[stage]:.2f}s" for stage in STAGES if stage in self.timings
        )

    def enter(self, stage: str | None) -> None:
        """End the running stage and begin the next; None only ends it."""
        now = time.monotonic()
        if self._stage is not None:
            spent = self.timings.get(self._stage, 0.0) + now - self._since
            self.timings[self._stage] = round(spent, 4)
        self._stage, self._since = stage, now


def _one_line(text: str) -> str:
    return " ".join(clean_lines(text))
