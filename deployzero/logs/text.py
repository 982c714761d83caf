"""Make what tools and apps print fit for rows, terminals and git's side-band."""

import re

MAX_LINE = 4096
"""Characters that a line may have before it is cut."""
CUT = " [line cut]"

# CSI and OSC sequences (colours, cursor, titles), then any other escape.
ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?", re.DOTALL
)
# Control characters but for tab; and those that turn the reading direction, which could
# make a line look like another.
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean_lines(text: str) -> list[str]:
    """Split into lines without escapes and control characters; '' is one empty line.

    A carriage return starts the line anew, as a terminal shows it (progress bars). One
    newline at the end is the last line's own.
    """
    return [_clean(line) for line in text.removesuffix("\n").split("\n")]


def _clean(line: str) -> str:
    plain = ESCAPES.sub("", line).rstrip("\r").rpartition("\r")[2]
    readable = CONTROLS.sub("", plain)
    return readable.encode("utf-8", "replace").decode("utf-8")  # lone surrogates


def cut(line: str) -> str:
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - len(CUT)] + CUT
