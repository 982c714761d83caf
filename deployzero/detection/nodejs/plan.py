"""What of a Node.js app is built, and what then runs or is served."""

import posixpath
import re
import shlex
from dataclasses import dataclass, field

from deployzero.detection.nodejs.build import build
from deployzero.detection.nodejs.command import Start
from deployzero.detection.nodejs.manifest import Package
from deployzero.detection.nodejs.packages import Manager
from deployzero.detection.nodejs.site import Site, is_development_server, site
from deployzero.detection.nodejs.start import entry, own_server, start
from deployzero.detection.nodejs.workspaces import nx_app
from deployzero.detection.static import unread_settings

_SERVER = re.compile(r"\b(?:react-router|remix)-serve\b")
"""Of frameworks whose build leaves no server when it makes plain files (`ssr: false`)."""


@dataclass(frozen=True)
class Plan:
    start: Start = field(default_factory=Start)
    site: Site | None = None
    build: tuple[str, ...] = ()


def plan(root: Package, app: Package, manager: Manager, reasons: list[str]) -> Plan:
    script = app.script(app.final("start"))
    if (not script or is_development_server(script)) and (nx := _nx(root, manager, reasons)):
        return nx
    name = "heroku-postbuild" if app.script("heroku-postbuild") else "build"
    found = site(app, app.expanded(app.script(name)))
    own = None
    if found and not script:
        parts = re.compile(rf"\b{re.escape(posixpath.relpath(found.folder, app.folder))}\b")
        own = own_server(app, manager, parts, reasons)
        found = None if own else found
    if found and (found.tool == "next" or _SERVER.search(script)):
        script = ""  # `next start`, `react-router-serve` have nothing to serve after an export
    if found and (not script or is_development_server(script)):
        if script:
            reasons.append(f"{app.file}: start script '{script[:80]}' is a development server")
        reasons.append(f"{found.tool}: no server of its own, {found.folder}/ is served as files")
        reasons.extend(unread_settings(app.tree, app.path("public")))
        steps = build(root, app, manager, Start(), reasons)
        return Plan(site=found, build=(*steps, *_moved(app, found, reasons)))
    begun = own or start(app, manager, reasons)
    if begun.command is None and found is None:
        begun = entry(app, manager, reasons)
    steps = build(root, app, manager, begun, reasons)
    if begun.command is None:
        reasons.append("no 'start' script, no 'main' that exists, no server.js or index.js")
    return Plan(begun, build=steps)


def _moved(app: Package, found: Site, reasons: list[str]) -> tuple[str, ...]:
    """A site that lies elsewhere than its settings seem to say is put where they say."""
    if not found.otherwise:
        return ()
    made = app.path(found.otherwise)
    reasons.append(
        f"{found.tool}: reads outDir within build alone; {made}/ is taken where that is made"
    )
    asked, there = shlex.quote(found.folder), shlex.quote(made)
    return (f"(test -d {asked} || mv {there} {asked})",)


def _nx(root: Package, manager: Manager, reasons: list[str]) -> Plan | None:
    found = nx_app(root, reasons)
    if found is None:
        return None
    steps = (manager.execute(f"nx {found.build}"),)
    if found.folder:
        return Plan(site=Site("nx", found.folder, spa=True), build=steps)
    return Plan(Start(found.start, source=found.source), build=steps)
