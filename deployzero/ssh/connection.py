"""A client's connection: who has signed in, its sessions, and what ends them early."""

import asyncio
import collections
import contextlib
import dataclasses
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncssh
from asyncssh.channel import SSHChannel

from deployzero.errors import DeployZeroException, ForbiddenError
from deployzero.logs.bus import Bus
from deployzero.models.deployment import User
from deployzero.operations.access import PEOPLE
from deployzero.operations.people import was_taken
from deployzero.ssh.departure import departure
from deployzero.ssh.session import Services, serve

logger = logging.getLogger(__name__)

Authenticate = Callable[[str], Awaitable[User | None]]
"""A key's fingerprint (`SHA256:…`) to its user, None for an unknown key."""

CHECK_SECONDS = 5.0
"""Between two looks whether the keys of open connections still sign in."""
LAST_WORDS = 0.5
"""Seconds that sessions of a removed key have to end by themselves: it may be that very
command which removed it."""
MOST_UNAUTHENTICATED = 50
MOST_KEYS = 20
"""Keys that one connection may offer; an agent may hold many."""
MOST_SESSIONS = 16
"""Sessions at once over one connection (ControlMaster)."""
MOST_SESSIONS_OF_USER = 100
"""Over all connections: who follows a hundred logs leaves room for others."""
COMPANIONS = 1000

BANNER = """\
 !     deployzero does not know your key {fingerprint}
       Name the key that you gave to the administrator (ssh -i <file>), or have this one
       added: an admin runs `ssh ... keys:add <user> < id.pub`; the first admin's stands in
       the file of DEPLOYZERO_ADMIN_KEYS on the server.
"""


@dataclass(slots=True)
class Entrance:
    """What all connections share."""

    authenticate: Authenticate
    services: Services
    unauthenticated: int = 0
    connections: "set[Connection]" = field(default_factory=set)
    sessions: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while no session runs."""
    companions: collections.OrderedDict[str, None] = field(default_factory=collections.OrderedDict)
    """Unknown keys that were offered along with a known one: no banner for these, so that
    who has two keys is not told at each push that one of them is unknown."""

    async def watch(self, bus: Bus) -> None:
        """End the connections of keys that were removed, of users removed or demoted."""
        with bus.subscribe(PEOPLE) as changed:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_SECONDS):
                        await changed.wait()
                changed.clear()
                try:
                    await self._check()
                except DeployZeroException as error:
                    logger.error("open connections could not be checked: %s", error)
                except Exception:
                    logger.exception("open connections could not be checked")

    def sessions_of(self, user: User) -> int:
        """How many they have open, over all of their connections."""
        return sum(
            len(each.sessions)
            for each in self.connections
            if each.user is not None and each.user.id == user.id
        )

    async def _check(self) -> None:
        now: dict[str, User | None] = {}
        for connection in [each for each in self.connections if each.user is not None]:
            fingerprint = connection.user.key_fingerprint if connection.user else ""
            if fingerprint not in now:
                now[fingerprint] = await self.authenticate(fingerprint)
            connection.check(now[fingerprint])


class Connection(asyncssh.SSHServer):
    """One client's connection."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._conn: asyncssh.SSHServerConnection
        self._user: User | None = None
        self._waiting = False
        self._checked: dict[str, User | None] = {}
        self._signed_in = False
        self._revoked = False
        self._last_words: asyncio.TimerHandle | None = None
        self.sessions: set[Session] = set()

    @property
    def user(self) -> User | None:
        """Who has signed in; None: nobody yet."""
        return self._user if self._signed_in else None

    def abort(self) -> None:
        self._conn.abort()

    async def sign_in(self) -> User:
        """Who the key names now: a connection may be older than the user's role.

        Raises ForbiddenError once it names nobody.
        """
        signed_in = self.user
        found = None
        if signed_in is not None and not self._revoked:
            found = await self._entrance.authenticate(signed_in.key_fingerprint)
        if signed_in is None or found is None or found.id != signed_in.id:
            raise ForbiddenError("your key was removed", "Ask an admin for access.")
        return dataclasses.replace(found, key_fingerprint=signed_in.key_fingerprint)

    def check(self, now: User | None) -> None:
        """End the connection unless its key still names the user, in a role not lower."""
        before = self.user
        if before is None or self._revoked:
            return
        if now is not None and not was_taken(before, now):
            self._user = dataclasses.replace(now, key_fingerprint=before.key_fingerprint)
            return
        self._revoked = True
        logger.info("%s's key or role was taken: the connection ends", before.name)
        grace = LAST_WORDS if self.sessions else 0.0
        self._last_words = asyncio.get_running_loop().call_later(grace, self._end)

    def _end(self) -> None:
        for session in list(self.sessions):
            session.cancel()
        self._conn.disconnect(
            asyncssh.DISC_BY_APPLICATION, "your key was removed, or your role was taken"
        )

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn
        self._waiting = True
        self._entrance.connections.add(self)
        self._entrance.unauthenticated += 1
        if self._entrance.unauthenticated > MOST_UNAUTHENTICATED:
            logger.warning("too many connections that have not signed in: one is turned away")
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._entrance.connections.discard(self)
        self._no_longer_waiting()
        if self._last_words is not None:
            self._last_words.cancel()

    def begin_auth(self, username: str) -> bool:
        return True  # the user name does not matter, the key does

    def public_key_auth_supported(self) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return False

    def kbdint_auth_supported(self) -> bool:
        return False

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        fingerprint = key.get_fingerprint()
        # None until this very key is known: an earlier offer must not lend its user.
        self._user = None
        if fingerprint not in self._checked:
            if len(self._checked) >= MOST_KEYS:
                raise asyncssh.PermissionDenied("too many keys were offered")
            self._checked[fingerprint] = await self._entrance.authenticate(fingerprint)
        user = self._checked[fingerprint]
        if user is None:
            self._refuse(fingerprint)
        self._user = user and dataclasses.replace(user, key_fingerprint=fingerprint)
        return user is not None

    def _refuse(self, fingerprint: str) -> None:
        first = sum(user is None for user in self._checked.values()) == 1
        if first and fingerprint not in self._entrance.companions:
            self._conn.send_auth_banner(BANNER.format(fingerprint=fingerprint))

    def auth_completed(self) -> None:
        self._no_longer_waiting()
        self._signed_in = True
        companions = self._entrance.companions
        for fingerprint, user in self._checked.items():
            if user is None:
                companions[fingerprint] = None
        while len(companions) > COMPANIONS:
            companions.popitem(last=False)

    def session_requested(self) -> "Session":
        if self.user is None or self._revoked:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "not signed in")
        if len(self.sessions) >= MOST_SESSIONS:
            raise _too_many("too many sessions over one connection")
        if self._entrance.sessions_of(self.user) >= MOST_SESSIONS_OF_USER:
            raise _too_many(f"{self.user.name} has {MOST_SESSIONS_OF_USER} sessions open already")
        session = Session(self, self._entrance.services)
        self.sessions.add(session)
        self._entrance.sessions += 1
        self._entrance.idle.clear()
        return session

    def session_ended(self, session: "Session") -> None:
        self.sessions.discard(session)
        self._entrance.sessions -= 1
        if self._entrance.sessions == 0:
            self._entrance.idle.set()
        if self._revoked and not self.sessions:
            self._end()

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        raise _no_forwarding()

    def unix_connection_requested(self, dest_path: str) -> bool:
        raise _no_forwarding()

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        return False

    def unix_server_requested(self, listen_path: str) -> bool:
        return False

    def _no_longer_waiting(self) -> None:
        if self._waiting:
            self._waiting = False
            self._entrance.unauthenticated -= 1


def _too_many(words: str) -> asyncssh.ChannelOpenError:
    return asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, words)


def _no_forwarding() -> asyncssh.ChannelOpenError:
    return asyncssh.ChannelOpenError(
        asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "deployzero forwards no ports"
    )


class Session(asyncssh.SSHServerProcess[bytes]):
    """One command of a connection. Subsystems are accepted only to be refused in words."""

    def __init__(self, connection: Connection, services: Services) -> None:
        self._connection = connection
        self._task: asyncio.Task[None] | None = None

        async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
            self._task = asyncio.current_task()
            await serve(process, connection.sign_in, services, self._gone)

        super().__init__(run, None, 0, False)

    def connection_made(self, chan: SSHChannel[bytes]) -> None:
        self._gone = departure(chan)
        super().connection_made(chan)

    def cancel(self) -> None:
        """Whatever it does: git and commands."""
        if self._task is not None:
            self._task.cancel()

    def subsystem_requested(self, subsystem: str) -> bool:
        return True

    def session_started(self) -> None:
        if self.channel.get_subsystem() != "sftp":
            super().session_started()
            return
        self.channel.write_stderr(b" !     there is no sftp here\n       Use git push.\n")
        self.channel.exit(1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self._connection.session_ended(self)
        super().connection_lost(exc)
