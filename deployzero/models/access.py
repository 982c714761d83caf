"""What a person may do: here at all, and with one app."""

from enum import IntEnum


class Role(IntEnum):
    """Each role may do what those before it may. A command or route names what it needs.

    MEMBER: whoever has signed in. VIEWER reads an app's status and logs; DEPLOYER pushes,
    scales, sets config and runs commands; OWNER also shares, reveals and destroys. ADMIN may
    do everything with every app.
    """

    MEMBER = 0
    VIEWER = 1
    DEPLOYER = 2
    OWNER = 3
    ADMIN = 4

    @property
    def word(self) -> str:
        return self.name.lower()


APP_ROLES = (Role.VIEWER, Role.DEPLOYER, Role.OWNER)
"""Those that `access:add` gives."""
