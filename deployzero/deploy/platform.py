"""The parts that a deployment works with, put together once by server.py."""

from dataclasses import dataclass
from pathlib import Path

from deployzero.build.builder import Builder
from deployzero.logs.log_manager import LogManager
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
    database: Database
    logs: LogManager
    runtime: Runtime
    firewall: Firewall
    proxy: Proxy
    builder: Builder
    repositories: Repositories

    @property
    def checkouts(self) -> Path:
        return self.settings.data_dir / "checkouts"

    @property
    def image_prefix(self) -> str:
        return f"deployzero-{self.instance}/"

    def image_tag(self, app: str, deployment_id: int) -> str:
        return f"{self.image_prefix}{app}:{deployment_id}"

    def labels(self, app: str, deployment_id: int) -> dict[str, str]:
        return {
            "deployzero.instance": self.instance,
            "deployzero.app": app,
            "deployzero.deployment": str(deployment_id),
        }
