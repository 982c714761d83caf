"""What signs somebody in over HTTP."""

import datetime as dt
from dataclasses import dataclass

from deployzero.models.access import Scope


@dataclass(frozen=True, slots=True)
class APIKey:
    """All but the key itself, which is shown once, when it is made."""

    id: int
    user_id: int
    name: str
    prefix: str
    """`dz_Ab12Cd34`: by which people and the audit log know it."""
    scope: Scope
    project_id: int | None
    """The only app that it may touch; None: all that its user may."""
    session: bool
    """A browser's."""
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None
    """To the minute."""
    project_name: str | None = None
    """That app's name now."""
