"""A link by which somebody makes their account, or gets a new password."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invitation:
    """All but its token, which is shown once, when it is made."""

    id: int
    user_id: int | None
    """Whose password it sets; None: it makes an account."""
    name: str | None
    """Of the account; None: who comes chooses it."""
    role: str
    by: str
    """Who made it."""
    created_at: dt.datetime
    expires_at: dt.datetime
