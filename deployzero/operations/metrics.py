"""The server's figures, as Prometheus asks for them."""

import asyncio
import shutil
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from deployzero import __version__
from deployzero.deploy.platform import Platform
from deployzero.models.access import Scope
from deployzero.models.deployment import User
from deployzero.operations.access import require_admin
from deployzero.operations.report import database_bytes
from deployzero.store import counts


class _Now(Collector):
    """What was asked for just now."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


async def scrape(platform: Platform, user: User, accept: str = "") -> tuple[bytes, str]:
    """All figures as text, and its media type. Needs an admin; a key may have any scope.

    accept: of the request; Prometheus asks for OpenMetrics. The engine is not asked.
    """
    require_admin(user, Scope.READ)
    async with platform.database.read() as session:
        apps = await counts.apps(session)
        containers = await counts.containers(session)
        queue = await counts.queue(session)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(platform.metrics.registry)
    registry.register(
        _Now(
            [
                _by("apps", "Apps, by what they are.", "state", apps),
                _by("containers", "Containers that are to run.", "health", containers),
                _by("queue", "Deployments that wait or are under way.", "state", queue),
                *await asyncio.to_thread(_sizes, platform),
                _one("uploads", "Archives that are on their way.", platform.uploads.total()),
                _one("attached_runs", "One-off runs that somebody sits at.", len(platform.sat_at)),
                _by("info", "The server.", "version", {__version__: 1}),
            ]
        )
    )
    encode, media_type = choose_encoder(accept)
    return await asyncio.to_thread(encode, registry), media_type


def _sizes(platform: Platform) -> list[Metric]:
    disk = shutil.disk_usage(platform.settings.data_dir)
    found = [
        _one("disk_free_bytes", "On the data folder's disk.", disk.free),
        _one("disk_bytes", "Of the data folder's disk.", disk.total),
    ]
    size = database_bytes(platform.settings.database)
    if size is not None:
        found.append(_one("database_bytes", "Of the database's files.", size))
    return found


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"deployzero_{name}", text, value=value)


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"deployzero_{name}", text, labels=[label])
    for each, value in values.items():
        family.add_metric([each], value)
    return family
