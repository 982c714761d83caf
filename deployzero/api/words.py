"""The words of a command, in a request's body or a WebSocket's first message."""

from typing import Annotated

from pydantic import Field

MOST_WORDS = 1000
LONGEST_WORD = 100_000
"""Linux takes 128 KiB in one."""
Word = Annotated[str, Field(max_length=LONGEST_WORD)]
