"""What a person may do: here at all, and with one app; and what a key of theirs may."""

from enum import IntEnum, StrEnum


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


class Scope(StrEnum):
    """The most that an API key may do of what its user may.

    READ sees; DEPLOY also makes apps and does what a deployer does; ADMIN does all that its
    user may, and it alone touches accounts and keys: else a lesser key could make a greater one.
    """

    READ = "read"
    DEPLOY = "deploy"
    ADMIN = "admin"

    @property
    def most(self) -> Role:
        """The highest role with an app that such a key can use."""
        return {Scope.READ: Role.VIEWER, Scope.DEPLOY: Role.DEPLOYER}.get(self, Role.ADMIN)


APP_ROLES = (Role.VIEWER, Role.DEPLOYER, Role.OWNER)
"""Those that `access:add` gives."""
