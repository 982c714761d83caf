"""What a build tells the one who waits: its commands, their output, how much was cached."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from deployzero.build.command import shown
from deployzero.build.material import SOURCING
from deployzero.build.nodejs import FALLING_BACK
from deployzero.build.trace import Output, Vertex

TAIL_LINES = 200
"""Of a step, kept in case it fails: pip and node-gyp say much after the line that tells why."""
_STEP = re.compile(r"^\[(?!internal\])[^\]]*\]\s+(?P<instruction>.*)$", re.DOTALL)
_FLAGS = re.compile(r"(?:--\w+=\S+\s+)*")
_SOURCING = re.compile(rf"^{re.escape(SOURCING)}(?: &&|;) ")
_WORDS = (  # what our templates write at length, and what a user would have typed
    (
        re.compile(
            r"^dpkg --status (?P<names>.+?) >/dev/null 2>&1 \|\| "
            r"\{ rm -f /etc/apt/apt\.conf\.d/docker-clean && apt-get update .*\}$"
        ),
        r"apt-get install \g<names>",
    ),
    (
        re.compile(r"^\(bundle install --local --quiet 2>/dev/null \|\| (bundle install)\)$"),
        r"\1",
    ),
    (
        re.compile(
            r"^(npm install --global) --prefix /opt/tools --no-package-lock( .+?) && ln -sf .*$"
        ),
        r"\1\2",
    ),
)
LONGEST = 4000
"""Characters of what a template writes; on a longer line of an author's these take too long."""
_CONTROL = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|[^\t\x20-\x7e\xa0-\U0010ffff]"
)


def instruction(name: str) -> str | None:
    """`[build 2/5] RUN --mount=… pip install x` -> `RUN pip install x`; None: no step of a file."""
    match = _STEP.match(name)
    if not match:
        return None
    word, _, rest = match["instruction"].partition(" ")
    if word.upper() != "RUN":
        return f"{word} {rest}".strip()
    end = flags.end() if (flags := _FLAGS.match(rest)) else 0
    kept = [flag for flag in rest[:end].split() if not flag.startswith("--mount=")]
    command, *_ = shown(_SOURCING.sub("", rest[end:])).partition(FALLING_BACK)
    for pattern, words in _WORDS if len(command) <= LONGEST else ():
        command = pattern.sub(words, command)
    return " ".join([word, *kept, command]).strip()


@dataclass
class _Step:
    name: str
    cached: bool = False
    announced: bool = False
    partial: dict[int, bytes] = field(default_factory=dict)
    """Begun lines by stream: the two write whenever they like, and a secret must stay whole."""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))


class Progress:
    """Turns trace events into plain lines. Not safe for use by two threads at once.

    A RUN that really runs is announced as `$ <command>` and followed by its output; what
    is cached, copied or internal makes no line.
    """

    def __init__(self, on_line: Callable[[str], None], redact: Callable[[str], str]) -> None:
        self._on_line = on_line
        self._redact = redact
        self._steps: dict[str, _Step] = {}
        self._current: _Step | None = None
        self.failed: str | None = None
        """Instruction of the step that failed, once one has."""
        self.tail: list[str] = []
        """The last lines of the step that failed."""

    @property
    def steps(self) -> int:
        """Steps of the Dockerfile seen, those that only name a base image left out."""
        return len(self._steps)

    @property
    def cached(self) -> int:
        return sum(step.cached for step in self._steps.values())

    def tail_of_current(self) -> list[str]:
        """The last lines of the step that is under way."""
        return list(self._current.tail) if self._current else []

    def take(self, event: Vertex | Output) -> None:
        if isinstance(event, Output):
            self._output(event)
        else:
            self._vertex(event)

    def _vertex(self, vertex: Vertex) -> None:
        name = instruction(vertex.name)
        if name is None or name.startswith("FROM "):
            return
        step = self._steps.setdefault(vertex.digest, _Step(self._redact(name)))
        step.cached = step.cached or vertex.cached
        if vertex.completed:
            self._flush(step)
        if vertex.error and not vertex.error.endswith("context canceled") and not self.failed:
            self._announce(step)
            self.failed, self.tail = step.name, list(step.tail)

    def _output(self, output: Output) -> None:
        step = self._steps.get(output.digest)
        if step is None:
            return
        self._announce(step)
        begun = step.partial.pop(output.stream, b"")
        *lines, step.partial[output.stream] = (begun + output.data).split(b"\n")
        for line in lines:
            self._line(step, line)

    def _announce(self, step: _Step) -> None:
        self._current = step
        if not step.announced:
            step.announced = True
            self._on_line("$ " + step.name.removeprefix("RUN "))

    def _flush(self, step: _Step) -> None:
        for line in step.partial.values():
            self._line(step, line)
        step.partial.clear()

    def _line(self, step: _Step, line: bytes) -> None:
        text = plain(line.decode(errors="replace"))
        if text:
            text = self._redact(text)
            step.tail.append(text)
            self._on_line(text)


def plain(line: str) -> str:
    """The line as a terminal would leave it: the last of its redraws, no control codes."""
    drawn = [part for part in line.rstrip("\r").split("\r") if part.strip()]
    return _CONTROL.sub("", drawn[-1]).rstrip() if drawn else ""
