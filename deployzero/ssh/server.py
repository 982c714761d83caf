"""The SSH server: public keys only, and per session one of the commands that exist."""

import asyncio
import contextlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from deployzero.hooks.post_receive import PostReceive
from deployzero.logs.bus import Bus
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
from deployzero.ssh.connection import Authenticate, Connection, Entrance
from deployzero.ssh.host_key import load_host_key
from deployzero.ssh.session import RunCommand, Services, unknown_command

LOGIN_SECONDS = 30
CLOSE_SECONDS = 5.0
KEEPALIVE_SECONDS = 15
KEEPALIVES = 4
WINDOW = 4 << 20
VERSION = "OpenSSH_compatible_deployzero"
"""OpenSSH's client tells only servers of such a name that it reads no more (`departure`)."""


@dataclass(frozen=True, slots=True)
class Door:
    """The open server."""

    acceptor: asyncssh.SSHAcceptor
    entrance: Entrance
    watch: asyncio.Task[None] | None = None

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
                async with asyncio.timeout(grace):
                    await self.entrance.idle.wait()
        for connection in list(self.entrance.connections):
            connection.abort()
        if self.watch is not None:
            self.watch.cancel()
            await asyncio.gather(self.watch, return_exceptions=True)


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
    find_source: FindApp | None = None,
    bus: Bus | None = None,
    port: int | None = None,
) -> Door:
    """Listen on `settings.bind`, `settings.ssh_port` (or `port`; 0: any free one).

    find_source: the app for one who fetches, find_app unless given. bus: tells of people whose
    connections are to end. The host key is made when there is none. Raises OSError when the
    port is taken, SettingsError for a bad host key.
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
    asyncssh.set_log_level(logging.WARNING)  # below it names commands, and secrets in them
    entrance = Entrance(authenticate, Services(reception, find_source or find_app, run_command))
    acceptor = await asyncssh.listen(
        settings.bind,
        settings.ssh_port if port is None else port,
        server_factory=lambda: Connection(entrance),
        server_host_keys=[load_host_key(host_key)],
        server_version=VERSION,
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
    watch = asyncio.create_task(entrance.watch(bus)) if bus else None
    return Door(acceptor, entrance, watch)
