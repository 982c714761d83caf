"""One line of the audit log."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    at: dt.datetime
    user: str
    """Name of who did it; empty: deployzero itself."""
    key_fingerprint: str
    """SHA256:… of the SSH key, or what else signed them in; empty: nothing did."""
    action: str
    """The command's name, `config:set`, or `push`."""
    app: str
    """Empty: none was concerned."""
    detail: str
    """What exactly, without any secret: `set DATABASE_URL, TOKEN`."""
    result: str
    """`ok`, or the error's message."""
