"""The SSH server: public keys only, and per session one of the commands that exist."""

import asyncio
import collections
import contextlib
import dataclasses
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from deployzero.hooks.post_receive import PostReceive
from deployzero.models.deployment import User
from deployzero.models.push import (
    CreateApp,
    Deployments,
    FindApp,
    FollowLog,
    GetOutcome,
    StartDeployment,
)
from deployzero.settings import Settings, parse_bytes
from deployzero.source.receive_pack import PushContext, Reception
from deployzero.source.repository import Repositories
from deployzero.ssh.host_key import load_host_key
from deployzero.ssh.session import RunCommand, Services, serve, unknown_command

logger = logging.getLogger(__name__)

Authenticate = Callable[[str], Awaitable[User | None]]
"""A key's fingerprint (`SHA256:…`) to its user, None for an unknown key."""

LOGIN_SECONDS = 30
CLOSE_SECONDS = 5.0
MOST_UNAUTHENTICATED = 50
MOST_KEYS = 20
"""Keys that one connection may offer; an agent may hold many."""
MOST_SESSIONS = 16
"""Sessions at once over one connection (ControlMaster)."""
KEEPALIVE_SECONDS = 15
KEEPALIVES = 4
WINDOW = 4 << 20
COMPANIONS = 1000

BANNER = """\
 !     deployzero does not know your key {fingerprint}
       Name the key that you gave to the administrator (ssh -i <file>), or have this one
       added: its .pub line goes into the file of DEPLOYZERO_ADMIN_KEYS on the server.
"""


@dataclass(slots=True)
class Entrance:
    """What all connections share."""

    authenticate: Authenticate
    services: Services
    unauthenticated: int = 0
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)
    sessions: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while no session runs."""
    companions: collections.OrderedDict[str, None] = field(default_factory=collections.OrderedDict)
    """Unknown keys that were offered along with a known one: no banner for these, so that
    who has two keys is not told at each push that one of them is unknown."""


class Connection(asyncssh.SSHServer):
    """One client's connection."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._conn: asyncssh.SSHServerConnection
        self._user: User | None = None
        self._waiting = False
        self._checked: dict[str, User | None] = {}
        self.sessions = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn
        self._waiting = True
        self._entrance.connections.add(conn)
        self._entrance.unauthenticated += 1
        if self._entrance.unauthenticated > MOST_UNAUTHENTICATED:
            logger.warning("too many connections that have not signed in: one is turned away")
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._entrance.connections.discard(self._conn)
        self._no_longer_waiting()

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
        companions = self._entrance.companions
        for fingerprint, user in self._checked.items():
            if user is None:
                companions[fingerprint] = None
        while len(companions) > COMPANIONS:
            companions.popitem(last=False)

    def session_requested(self) -> "Session":
        if self._user is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "not signed in")
        if self.sessions >= MOST_SESSIONS:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many sessions")
        self.sessions += 1
        self._entrance.sessions += 1
        self._entrance.idle.clear()
        return Session(self, self._user, self._entrance.services)

    def session_ended(self) -> None:
        self.sessions -= 1
        self._entrance.sessions -= 1
        if self._entrance.sessions == 0:
            self._entrance.idle.set()

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


def _no_forwarding() -> asyncssh.ChannelOpenError:
    return asyncssh.ChannelOpenError(
        asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "deployzero forwards no ports"
    )


class Session(asyncssh.SSHServerProcess[bytes]):
    """One command of a connection. Subsystems are accepted only to be refused in words."""

    def __init__(self, connection: Connection, user: User, services: Services) -> None:
        async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
            await serve(process, user, services)

        super().__init__(run, None, 0, False)
        self._connection = connection

    def subsystem_requested(self, subsystem: str) -> bool:
        return True

    def session_started(self) -> None:
        if self.channel.get_subsystem() != "sftp":
            super().session_started()
            return
        self.channel.write_stderr(b" !     there is no sftp here\n       Use git push.\n")
        self.channel.exit(1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.session_ended()
        super().connection_lost(exc)


@dataclass(frozen=True, slots=True)
class Door:
    """The open server."""

    acceptor: asyncssh.SSHAcceptor
    entrance: Entrance

    @property
    def port(self) -> int:
        return int(self.acceptor.get_port())

    def stop_listening(self) -> None:
        self.acceptor.close()

    async def close(self, grace: float = CLOSE_SECONDS) -> None:
        """Let sessions that run say how they ended, then hang up whatever is still open."""
        self.stop_listening()
        if self.entrance.sessions:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.entrance.idle.wait(), grace)
        for connection in list(self.entrance.connections):
            connection.abort()


async def start(
    settings: Settings,
    host_key: Path,
    *,
    authenticate: Authenticate,
    repositories: Repositories,
    checkouts: Path,
    find_app: FindApp,
    create_app: CreateApp,
    start_deployment: StartDeployment,
    follow_log: FollowLog,
    get_outcome: GetOutcome,
    run_command: RunCommand = unknown_command,
    port: int | None = None,
) -> Door:
    """Listen on `settings.bind`, `settings.ssh_port` (or `port`; 0: any free one).

    The host key is made when there is none. Raises OSError when the port is taken,
    SettingsError for a bad host key.
    """
    for folder in (checkouts, repositories.root):
        os.makedirs(folder, mode=0o700, exist_ok=True)

    def make_hook(context: PushContext) -> PostReceive:
        return PostReceive(
            repo=context.repo,
            app=context.app,
            user=context.user,
            branch=context.branch,
            checkouts=checkouts,
            start=start_deployment,
            pool=repositories.pool,
            started_at=context.started_at,
            timings=context.timings,
        )

    reception = Reception(
        repositories=repositories,
        deployments=Deployments(find_app, create_app, start_deployment, follow_log, get_outcome),
        make_hook=make_hook,
        max_bytes=parse_bytes(settings.max_push_bytes),
    )
    entrance = Entrance(authenticate, Services(reception, run_command))
    acceptor = await asyncssh.listen(
        settings.bind,
        settings.ssh_port if port is None else port,
        server_factory=lambda: Connection(entrance),
        server_host_keys=[load_host_key(host_key)],
        server_version="deployzero",
        encoding=None,
        line_editor=False,
        agent_forwarding=False,
        x11_forwarding=False,
        allow_scp=False,
        compression_algs=None,
        gss_host=None,
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        trust_client_host=False,
        login_timeout=LOGIN_SECONDS,
        keepalive_interval=KEEPALIVE_SECONDS,
        keepalive_count_max=KEEPALIVES,
        window=WINDOW,
        reuse_address=True,
    )
    return Door(acceptor, entrance)
