"""Node.js: package.json and its package manager; a server, or a front-end build of files."""

import re

from deployzero.detection.nodejs.browser import browser
from deployzero.detection.nodejs.command import script_variables
from deployzero.detection.nodejs.install import Install, install, prune
from deployzero.detection.nodejs.kept import Kept, kept
from deployzero.detection.nodejs.manifest import MANIFESTS, Package, read_package
from deployzero.detection.nodejs.packages import Manager, called_managers, package_manager
from deployzero.detection.nodejs.plan import plan
from deployzero.detection.nodejs.port import port
from deployzero.detection.nodejs.start import main_file, unstartable
from deployzero.detection.nodejs.version import node_version
from deployzero.detection.nodejs.workspaces import app_package, undecided
from deployzero.detection.procfile import read_procfile
from deployzero.detection.tree import Tree
from deployzero.models.project import ProjectConfig, ProjectType

BARE = ("server.js", "server.mjs")
"""Scripts that run without a manifest."""
_BY_YARN = re.compile(r"(?:^|\s)yarn\s")


class NodeJSDetector:
    type: ProjectType = "nodejs"
    markers = (*MANIFESTS, *BARE[:1])
    programs = (
        "node", "npm", "npx", "nodejs", "yarn", "pnpm", "bun", "bunx", "next", "tsx", "ts-node",
    )  # fmt: skip

    def declared(self, tree: Tree) -> bool:
        return tree.first(*MANIFESTS) is not None

    def detect(self, tree: Tree) -> ProjectConfig | None:
        root = read_package(tree)
        return _bare_script(tree) if root is None else _app(root)


def _app(root: Package) -> ProjectConfig:
    named = f" ({root.framework})" if root.framework else ""
    reasons = [f"{root.file}: a Node.js app{named}"]
    manager = package_manager(root, reasons)
    app = app_package(root, reasons)
    planned = plan(root, app, manager, reasons)
    start, site = planned.start, planned.site
    processes = read_procfile(root.tree)
    files = site is not None and "web" not in processes  # else the Procfile's wins
    commands = [c for c in (start.command, *processes.values()) if c]
    running = [] if files else commands
    installed, pruned = _dependencies(root, app, manager, bool(planned.build), running, reasons)
    version, why = node_version(root, max(start.least_node, manager.least_node), manager.name)
    number, told = port(app, start, reasons)
    fault, hint = (None, None) if start.command else unstartable(app)
    if not start.command and fault is None:
        fault, hint = undecided(root)
    driven = browser(app, [] if files else reasons)
    return ProjectConfig(
        type="nodejs",
        build_command=" && ".join((*installed.after_source, *planned.build)) or None,
        start_command=start.command,
        port=number,
        environment={**driven.environment, **start.environment},
        run_environment={} if files else {**script_variables(app), **told},
        framework=site.tool if site else app.framework or root.framework,
        package_manager=manager.name,
        runtime_version=version,
        install_files=installed.files,
        install_command=installed.command,
        prune_command=None if files else pruned,
        run_packages=() if files else driven.packages,
        tools=(*manager.tool, *called_managers(manager, root, app, commands), *start.tools),
        static_dir=site.folder if site else None,
        spa=bool(site and site.spa),
        main=main_file(app),
        plain_script=start.plain,
        unstartable=fault,
        unstartable_hint=hint,
        reasons=(*reasons, *why),
    )


def _dependencies(
    root: Package,
    app: Package,
    manager: Manager,
    build: bool,
    commands: list[str],
    reasons: list[str],
) -> tuple[Install, str | None]:
    """What is installed, and the command that takes out what only the build needed."""
    stay = kept(root, app, manager, commands)
    installed = install(root, manager, build or stay.all, reasons)
    by_yarn = manager.modern and any(map(_BY_YARN.search, commands))
    if by_yarn and installed.development and not stay.reason:
        reason = "yarn run: looks for development dependencies as well, which stay"
        stay = Kept(all=True, reason=reason)
    if stay.reason:
        reasons.append(stay.reason)
    return installed, None if stay.all else prune(root, manager, installed, commands, stay.one)


def _bare_script(tree: Tree) -> ProjectConfig | None:
    """server.js and no package.json: a script without dependencies."""
    entry_file = tree.first(*BARE)
    if entry_file is None:
        return None
    version, why = node_version(Package(tree, "package.json", {}))
    return ProjectConfig(
        type="nodejs",
        start_command=f"node {entry_file}",
        runtime_version=version,
        main=entry_file,
        reasons=(f"{entry_file}: a Node.js script without package.json", *why),
    )
