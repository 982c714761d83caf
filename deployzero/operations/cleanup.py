"""What this server left on the engine and the disk and needs no more, removed while it runs."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deployzero.deploy import routes
from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, DeployZeroException
from deployzero.models.deployment import Container, Deployment, Project, User
from deployzero.models.names import RESERVED
from deployzero.operations.access import require_admin
from deployzero.runtime import labels
from deployzero.runtime.container import ContainerSummary, Image
from deployzero.store import containers, deployments, projects

OLD_CHECKOUT = 3600.0
"""Seconds since it was written: a push that is just being received has no row yet."""


@dataclass(frozen=True, slots=True)
class Leftover:
    kind: str
    """`container`, `image`, `network`, `route` or `checkout`."""
    name: str
    bytes: int = 0
    """An image's with its shared layers, so that the sum is more than what is freed."""
    failure: str = ""
    """Why it is still there; empty: it was removed, or nothing was to be."""


Removal = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Needed:
    """What the rows know. Read after the engine was asked: a row is there before its object."""

    names: frozenset[str]
    """Of apps, and those that they are leaving."""
    containers: frozenset[str]
    images: frozenset[str]
    unfinished: frozenset[int]
    busy: frozenset[str]
    """Apps that are being deployed."""
    checkouts: frozenset[str]


async def cleanup(platform: Platform, user: User, dry_run: bool = False) -> list[Leftover]:
    """Remove what no row needs; returns it. Admins only. dry_run: only look.

    Only what carries this instance's label, or lies in its own folders, is ever touched.
    What is being made just now, and one-off runs, stay. Raises ContainerError without an
    engine.
    """
    require_admin(user)
    runtime = platform.runtime
    listed = await asyncio.gather(
        runtime.list_containers(), runtime.list_images(), runtime.list_networks()
    )
    routed = platform.proxy.routes.apps()
    folders = await asyncio.to_thread(_old_folders, platform.checkouts)
    needed = await _needed(platform)
    found = [
        *_containers(platform, listed[0], needed),
        *_images(platform, listed[1], needed),
        *_networks(platform, listed[2], needed),
        *_routes(platform, routed, needed),
        *_checkouts(folders, needed),
    ]
    if dry_run:
        return [leftover for leftover, _ in found]
    return [await _removed(leftover, remove) for leftover, remove in found]


async def _needed(platform: Platform) -> _Needed:
    async with platform.database.read() as session:
        every: list[Project] = await projects.every(session)
        rows: list[Container] = await containers.every(session)
        kept = await deployments.images(session)
        unfinished: list[Deployment] = await deployments.unfinished(session)
    names = {name for each in every for name in (each.name, each.previous_name) if name}
    return _Needed(
        names=frozenset(names),
        containers=frozenset(row.name for row in rows),
        images=frozenset(kept),
        unfinished=frozenset(deployment.id for deployment in unfinished),
        busy=frozenset(deployment.app for deployment in unfinished),
        checkouts=frozenset(deployment.checkout for deployment in unfinished),
    )


Found = list[tuple[Leftover, Removal]]


def _containers(platform: Platform, listed: list[ContainerSummary], needed: _Needed) -> Found:
    return [
        (Leftover("container", each.name), partial(platform.runtime.remove, each.name))
        for each in listed
        if each.name not in needed.containers
        and each.deployment_id not in needed.unfinished
        and labels.RUN not in each.labels  # the watch ends those
    ]


def _images(platform: Platform, listed: list[Image], needed: _Needed) -> Found:
    found: Found = []
    for image in listed:
        if int(image.labels.get(labels.DEPLOYMENT, "0")) in needed.unfinished:
            continue
        tags = [tag for tag in image.tags if tag.startswith(platform.image_prefix)]
        unneeded = [tag for tag in tags if tag not in needed.images]
        if not image.tags and labels.DEPLOYMENT in image.labels:
            unneeded = [image.id]
        found += [
            (Leftover("image", tag, image.size), partial(platform.runtime.remove_image, tag))
            for tag in unneeded
        ]
    return found


def _networks(platform: Platform, listed: list[str], needed: _Needed) -> Found:
    remove = platform.runtime.remove_network
    return [
        (Leftover("network", app), partial(_if_free, platform, app, partial(remove, app)))
        for app in listed
        if app not in needed.names
    ]


def _routes(platform: Platform, listed: list[str], needed: _Needed) -> Found:
    return [
        (
            Leftover("route", app),
            partial(_if_free, platform, app, partial(routes.remove, platform, app)),
        )
        for app in listed
        if app not in needed.names | RESERVED
    ]


def _checkouts(folders: list[Path], needed: _Needed) -> Found:
    return [
        (Leftover("checkout", folder.name), partial(_remove_folder, folder))
        for folder in folders
        if str(folder) not in needed.checkouts
        and not any(folder.name.startswith(f"{app}-") for app in needed.busy)
    ]


def _old_folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    before = time.time() - OLD_CHECKOUT
    return sorted(folder for folder in parent.iterdir() if folder.lstat().st_mtime < before)


async def _if_free(platform: Platform, name: str, remove: Removal) -> None:
    """What goes by its app's name: somebody may have made one since the rows were read."""
    async with platform.database.read() as session:
        if await projects.bears(session, name):
            raise ConflictError(f"{name} is an app by now")
    await remove()


async def _remove_folder(folder: Path) -> None:
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _removed(leftover: Leftover, remove: Removal) -> Leftover:
    """What somebody still uses stays, and the others go."""
    try:
        await remove()
    except DeployZeroException as error:
        return Leftover(leftover.kind, leftover.name, leftover.bytes, error.message)
    return leftover
