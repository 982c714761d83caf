"""The parts that a deployment works with, put together once by server.py."""

import asyncio
import datetime as dt
import hashlib
import hmac
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

from deployzero.build.builder import Builder
from deployzero.deploy.key_uses import KeyUses
from deployzero.deploy.log_archive import LogArchive
from deployzero.deploy.log_hub import LogHub
from deployzero.deploy.looks import Looks
from deployzero.deploy.metrics import Metrics
from deployzero.deploy.queue import Queue
from deployzero.deploy.sign_in import SignIn
from deployzero.deploy.vault import Vault
from deployzero.logs.bus import Bus
from deployzero.logs.log_manager import LogManager
from deployzero.logs.redactions import Redactions
from deployzero.routing.proxy import Proxy
from deployzero.runtime.firewall import Firewall
from deployzero.runtime.runtime import Runtime
from deployzero.settings import Settings
from deployzero.source.repository import Repositories
from deployzero.store.database import Database


@dataclass(frozen=True, slots=True)
class Platform:
    settings: Settings
    instance: str
    """Names this server's objects on the engine: two servers never see each other's."""
    key: bytes = field(repr=False)
    """The server's secret: what derives from it is stable, stored nowhere and not guessed."""
    database: Database
    logs: LogManager
    runtime: Runtime
    firewall: Firewall
    proxy: Proxy
    builder: Builder
    repositories: Repositories
    vault: Vault
    queue: Queue
    bus: Bus
    """Wakes those who wait for something of another session: `events`, `people`."""
    log_archive: LogArchive
    """What removed containers printed."""
    log_hub: LogHub
    """What living ones print, for all who follow it."""
    key_uses: KeyUses
    redactions: Redactions = field(default_factory=Redactions, repr=False)
    sat_at: set[str] = field(default_factory=set, repr=False)
    """One-off runs that a session holds: the engine's names of their containers."""
    run_numbers: set[tuple[str, int]] = field(default_factory=set, repr=False)
    """App and number of one-off runs that the engine may not list yet; see runs._numbered."""
    run_locks: WeakValueDictionary[str, asyncio.Lock] = field(
        default_factory=WeakValueDictionary, repr=False
    )
    uploads: Counter[int] = field(default_factory=Counter, repr=False)
    """Archives that are on their way, by user id."""
    streams: Counter[int] = field(default_factory=Counter, repr=False)
    """Logs that are followed and programs that are sat at over HTTP, by user id."""
    looks: Looks = field(default_factory=Looks, repr=False)
    route_locks: WeakValueDictionary[str, asyncio.Lock] = field(
        default_factory=WeakValueDictionary, repr=False
    )
    """By app; see routes.held."""
    name_locks: WeakValueDictionary[int, asyncio.Lock] = field(
        default_factory=WeakValueDictionary, repr=False
    )
    """By project id; see rename.names_held."""
    sign_in: SignIn = field(default_factory=SignIn, repr=False)
    metrics: Metrics = field(default_factory=Metrics, repr=False)
    started_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    @property
    def checkouts(self) -> Path:
        return self.settings.data_dir / "checkouts"

    @property
    def image_prefix(self) -> str:
        return f"deployzero-{self.instance}/"

    def image_tag(self, app: str, deployment_id: int) -> str:
        """A name that another app's Dockerfile cannot guess for its FROM."""
        secret = self.derive("image", app, str(deployment_id))[:20]
        return f"{self.image_prefix}{app}:{deployment_id}-{secret}"

    def derive(self, *names: str) -> str:
        """64 hex digits of their own for each purpose and name."""
        return hmac.new(self.key, "\0".join(names).encode(), hashlib.sha256).hexdigest()

    def labels(self, app: str, deployment_id: int) -> dict[str, str]:
        return {
            "deployzero.instance": self.instance,
            "deployzero.app": app,
            "deployzero.deployment": str(deployment_id),
        }
