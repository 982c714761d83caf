"""One page that tells how the server is, or an app: for a bug report, or for 3 a.m."""

import asyncio
import dataclasses
import datetime as dt
import os
import platform as machine
import shutil
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from deployzero import __version__
from deployzero.deploy.platform import Platform
from deployzero.errors import DeployZeroException
from deployzero.models.access import Role
from deployzero.models.deployment import Container, Deployment, Project, User
from deployzero.operations import apps, checks, processes
from deployzero.operations.access import require, require_admin
from deployzero.store import containers, deployments, projects, releases
from deployzero.store.database import is_sqlite
from deployzero.store.releases import Live

CHECK_LIMIT = 5.0
"""Seconds for engine and proxy: a page about a sick server must not hang with it."""
FAILURES = 5
OK = "ok"


@dataclass(frozen=True, slots=True)
class ServerReport:
    deployzero: str
    python: str
    instance: str
    up_since: dt.datetime
    memory_bytes: int
    """Of this process alone; 0: the system does not tell."""
    load: tuple[float, ...]
    """Over 1, 5 and 15 minutes; empty: the system does not tell."""
    cpus: int
    engine: str
    """Its version, or what is wrong with it."""
    proxy: str
    """`ok`, or what is wrong with it."""
    database: str
    """`sqlite` or `postgresql`, and what is wrong with it."""
    database_bytes: int | None
    """None: it is not a file."""
    disk_free_bytes: int
    disk_bytes: int
    """Of the data folder's disk."""
    data_dir: str
    domain: str
    ports: dict[str, int]
    base_images: str
    """The setting."""
    base_images_ready: tuple[str, ...]
    """Those used since the server started."""
    apps: dict[str, int]
    """`all`, `live`, `stopped`, `down` (no web process runs), `not deployed`."""
    queue: tuple[Deployment, ...]
    """Waiting or under way, oldest first."""
    failures: tuple[Deployment, ...]
    """The newest ones."""


@dataclass(frozen=True, slots=True)
class AppReport:
    info: apps.AppInfo
    processes: tuple[processes.Process, ...]
    checks: checks.ChecksReport
    queue: tuple[Deployment, ...]
    failure: Deployment | None
    """The newest one."""


async def report_app(platform: Platform, user: User, app: str) -> AppReport:
    """All about one app but its variables. Needs a viewer."""
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        queue = await deployments.unfinished_of(session, project.id)
        failure = await releases.newest_failed(session, project.id)
    return AppReport(
        info=await apps.app_info(platform, user, app),
        processes=(await processes.report(platform, user, app)).running,
        checks=await checks.report(platform, user, app),
        queue=tuple(queue),
        failure=failure,
    )


async def report_server(platform: Platform, user: User) -> ServerReport:
    """All about the server; what does not answer is told as that. Admins only."""
    require_admin(user)
    settings = platform.settings
    engine, proxy, database = await asyncio.gather(
        _told(platform.runtime.ping()), _told(_proxy(platform)), _told(platform.database.ping())
    )
    counts, queue, failures = await _rows(platform) if database == OK else ({}, (), ())
    disk = shutil.disk_usage(settings.data_dir)
    kind = make_url(settings.database).get_backend_name()
    return ServerReport(
        deployzero=__version__,
        python=machine.python_version(),
        instance=platform.instance,
        up_since=platform.started_at,
        memory_bytes=_memory(),
        load=tuple(round(each, 2) for each in os.getloadavg()),
        cpus=os.cpu_count() or 0,
        engine=engine,
        proxy=proxy,
        database=kind if database == OK else f"{kind}: {database}",
        database_bytes=database_bytes(settings.database),
        disk_free_bytes=disk.free,
        disk_bytes=disk.total,
        data_dir=str(settings.data_dir),
        domain=settings.domain,
        ports={name: getattr(settings, f"{name}_port") for name in ("ssh", "http", "api")},
        base_images=settings.base_images,
        base_images_ready=platform.builder.base_images(),
        apps=counts,
        queue=queue,
        failures=failures,
    )


async def _rows(
    platform: Platform,
) -> tuple[dict[str, int], tuple[Deployment, ...], tuple[Deployment, ...]]:
    async with platform.database.read() as session:
        every = await projects.every(session)
        live = await releases.every_live(session)
        rows = await containers.of_live_releases(session)
        queue = await deployments.unfinished(session)
        failures = await releases.newest_failures(session, FAILURES)
    return _counts(every, live, rows), tuple(queue), tuple(failures)


def _counts(every: list[Project], live: dict[int, Live], rows: list[Container]) -> dict[str, int]:
    up = {row.project_id for row in rows if row.health != "down"}
    some = {row.project_id for row in rows}
    counts = {"all": len(every), "live": 0, "stopped": 0, "down": 0, "not deployed": 0}
    for project in every:
        if project.id not in live:
            counts["not deployed"] += 1
        elif project.stopped:
            counts["stopped"] += 1
        elif project.id in some - up:
            counts["down"] += 1
        else:
            counts["live"] += 1
    return counts


async def _told(check: Awaitable[str | None]) -> str:
    """What it answers, `ok` for nothing, or what is wrong."""
    try:
        async with asyncio.timeout(CHECK_LIMIT):
            return await check or OK
    except DeployZeroException as error:
        return error.message
    except TimeoutError:
        return f"does not answer within {CHECK_LIMIT:g} s"


async def _proxy(platform: Platform) -> str:
    return OK if await platform.proxy.answers() else "does not answer"


def _memory() -> int:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0")
    return int(line.split()[1]) << 10


def database_bytes(url: str) -> int | None:
    """None: it is not a file."""
    parsed = make_url(url)
    if not is_sqlite(parsed):
        return None
    file = Path(parsed.database or "")
    parts = (file, file.with_name(f"{file.name}-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def plain(deployment: Deployment) -> dict[str, Any]:
    """A deployment without what is sealed or large."""
    left_out = ("config", "change", "variables", "timings", "checkout", "image")
    return {
        name: value
        for name, value in dataclasses.asdict(deployment).items()
        if name not in left_out
    }
