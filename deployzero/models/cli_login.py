"""A computer that asks to be signed in, by a code that a person approves (RFC 8628)."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CLILogin:
    """All but the secret that the computer polls with."""

    id: int
    user_code: str
    """`BCDF-GHJK`: what both its terminal and the page show."""
    computer: str
    """What it calls itself; printable."""
    address: str
    """Where it asked from."""
    user_id: int | None
    """Who decided."""
    approved: bool | None
    """None: nobody has decided yet."""
    key_id: int | None
    """Of the key that it was given."""
    created_at: dt.datetime
    expires_at: dt.datetime
