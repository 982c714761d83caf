"""Node.js: package.json and its package manager; a server, or a front-end build of files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from deployzero.detection.nodejs.command import Start, inside, script_variables
from deployzero.detection.nodejs.install import Install, install, prune
from deployzero.detection.nodejs.kept import needs_development, needs_typescript
from deployzero.detection.nodejs.manifest import MANIFESTS, Package, read_package
from deployzero.detection.nodejs.packages import Manager, package_manager
from deployzero.detection.nodejs.site import Site, is_development_server, site
from deployzero.detection.nodejs.start import entry, main_file, sources, start, unstartable
from deployzero.detection.nodejs.version import node_version
from deployzero.detection.nodejs.workspaces import app_package, build_steps, nx_app
from deployzero.detection.procfile import read_procfile
from deployzero.detection.static import unread_settings
from deployzero.detection.tree import Tree
from deployzero.models.project import DEFAULT_PORT, ProjectConfig, ProjectType

BARE = ("server.js", "server.mjs", "index.js", "app.js")
"""Scripts that run without a manifest; the last two are there for many other reasons."""
_PROGRAM = re.compile(r"(?:^|[\s;&|('\"])(npm|npx|yarn|pnpm|pnpx|bun|bunx|deno)(?=[\s;&|)'\"]|$)")
_LISTENS = re.compile(r"\.listen\(\s*(?:\{\s*port\s*:\s*)?(\d{2,5})\b")
_OWN_PACKAGES = re.compile(
    r"node (?:\./)?(?:\.output/server/index\.mjs|\.next/standalone/server\.js)$"
)
_ENVIRONMENT = re.compile(r"\benv\b", re.I)
_ENDS_IN_PORT, _PORT_ITSELF = re.compile(r"port\b", re.I), re.compile(r"\bport\b", re.I)
_CONSTANT = re.compile(r"\b(?:const|let|var)\s+port\s*=\s*(\d{2,5})\s*(?:;\s*)?$", re.I | re.M)
_BY_YARN = re.compile(r"(?:^|\s)yarn\s")
_LOWER_CASE = re.compile(r"\bprocess\.env(?:\.port\b|\[['\"]port['\"]\])")
"""Windows, where the two are one, does not tell the author."""
_FOREIGN = {"bun": "bun", "bunx": "bun", "pnpm": "pnpm", "pnpx": "pnpm", "yarn": "yarn"}
_TOOLS = {"bun": "bun@1", "pnpm": "pnpm@10", "yarn": "yarn@1"}


class NodeJSDetector:
    type: ProjectType = "nodejs"
    markers = (*MANIFESTS, *BARE[:1])

    def detect(self, tree: Tree) -> ProjectConfig | None:
        root = read_package(tree)
        if root is None:
            return _bare_script(tree)
        named = f" ({root.framework})" if root.framework else ""
        reasons = [f"{root.file}: a Node.js app{named}"]
        manager = package_manager(root, reasons)
        app = app_package(root, reasons)
        plan = _plan(root, app, manager, reasons)
        processes = read_procfile(tree)
        files = plan.site is not None and "web" not in processes  # else the Procfile's wins
        commands = [c for c in (plan.start.command, *processes.values()) if c]
        kept = None if files else needs_development(app, commands)
        settings = None if files or kept else needs_typescript(app, commands)
        stays = "typescript" if settings else ""
        if settings and (manager.name != "npm" or app is not root):
            kept = stays
        installed = install(root, manager, bool(plan.build or kept), reasons)
        if settings:
            reasons.append(f"{settings}: read when Next starts, so TypeScript stays")
        elif kept:
            reasons.append(
                f"{kept}: the start needs it of the development dependencies, which stay"
            )
        elif installed.development and manager.modern and any(map(_BY_YARN.search, commands)):
            kept = "yarn run"
            reasons.append(f"{kept}: looks for development dependencies as well, which stay")
        tools = (*_tools(manager, root, app, commands), *plan.start.tools)
        least = max(
            plan.start.least_node, 22 if manager.name == "pnpm" and manager.major > 10 else 0
        )
        version, why = node_version(tree, root.values, least)
        if version is None and least:
            version = str(least)
            why = [*why, f"Node.js {version}: {manager.name} or the entry file needs it"]
        port, told = _port(app, plan, reasons)
        return ProjectConfig(
            type="nodejs",
            build_command=" && ".join((*installed.after_source, *plan.build)) or None,
            start_command=plan.start.command,
            port=port,
            environment=plan.start.environment,
            run_environment={} if files else {**script_variables(app), **told},
            framework=plan.site.tool if plan.site else app.framework or root.framework,
            package_manager=manager.name,
            runtime_version=version,
            install_files=installed.files,
            install_command=installed.command,
            prune_command=None
            if files or kept
            else _pruned(root, manager, installed, commands, stays),
            tools=tools,
            static_dir=plan.site.folder if plan.site else None,
            spa=bool(plan.site and plan.site.spa),
            main=main_file(app),
            plain_script=plan.start.plain,
            unstartable=None if plan.start.command else unstartable(app),
            reasons=(*reasons, *why),
        )


def _pruned(
    root: Package,
    manager: Manager,
    installed: Install,
    commands: list[str],
    stays: str,
) -> str | None:
    """What goes after the build: all packages, where the server has its own copies of them."""
    if len(commands) == 1 and _OWN_PACKAGES.search(commands[0]) and not root.members:
        return "rm -rf node_modules"
    return prune(root, manager, installed, stays)


@dataclass
class _Plan:
    start: Start = field(default_factory=Start)
    site: Site | None = None
    build: tuple[str, ...] = ()
    source: str | None = None
    """What the started script is made of, where that is known."""


def _plan(root: Package, app: Package, manager: Manager, reasons: list[str]) -> _Plan:
    """What is built, and what then runs or is served."""
    script = app.script(app.final("start"))
    if not script or is_development_server(script):
        nx = nx_app(root, reasons)
        if nx:
            steps = (manager.execute(f"nx {nx.build}"),)
            if nx.folder:
                return _Plan(site=Site("nx", nx.folder, spa=True), build=steps)
            return _Plan(Start(nx.start), build=steps, source=nx.source)
    name = "heroku-postbuild" if app.script("heroku-postbuild") else "build"
    found = site(app, app.expanded(app.script(name)))
    if found and found.tool == "next":
        script = ""  # `next start` refuses what was exported
    if found and (not script or is_development_server(script)):
        if script:
            reasons.append(f"{app.file}: start script '{script[:80]}' is a development server")
        reasons.append(f"{found.tool}: no server of its own, {found.folder}/ is served as files")
        reasons.extend(unread_settings(app.tree, app.path("public")))
        return _Plan(site=found, build=_build(root, app, manager, Start(), reasons))
    begun = start(app, manager, reasons)
    if begun.command is None and found is None:
        begun = _merged(begun, entry(app, manager, reasons))
    build = _build(root, app, manager, begun, reasons)
    if begun.command is None:
        reasons.append("no 'start' script, no 'main' that exists, no server.js or index.js")
    return _Plan(begun, build=build)


def _merged(first: Start, second: Start) -> Start:
    return second if second.command else first


def _build(
    root: Package, app: Package, manager: Manager, begun: Start, reasons: list[str]
) -> tuple[str, ...]:
    """Heroku's own script in the place of `build`; a framework's build where there is none."""
    steps: list[str] = []
    whole = " ".join(p.expanded(p.script(n)) for p in (root, app) for n in _RUN)
    if {"prisma", "@prisma/client"} <= root.dependencies | app.dependencies and (
        "prisma generate" not in whole
    ):
        steps.append(f"({inside(app, manager.execute('prisma generate'))})")
        reasons.append("prisma: its client is generated before the build")
    if root.script("heroku-postbuild"):
        reasons.append(f"{root.file}: heroku-postbuild in the place of build")
        steps.append(manager.run("heroku-postbuild"))
    elif root.script("build"):
        reasons.append(f"{root.file}: {manager.run('build')}")
        steps.append(begun.build_prefix + manager.run("build"))
    elif app is not root:
        steps += build_steps(root, app, manager)
    elif begun.command and "next start" in begun.command:
        steps.append(manager.execute("next build"))
    if app is not root and not steps and "next" in app.dependencies:
        steps.append(f"({inside(app, manager.execute('next build'))})")
    if steps and steps[0].startswith("(") and app is root:
        steps[0] = steps[0][1:-1]
    return (*steps, *begun.before)


def _tools(manager: Manager, root: Package, app: Package, commands: list[str]) -> tuple[str, ...]:
    """The manager, and other managers that scripts or the Procfile call."""
    texts = [*commands, *(p.expanded(p.script(n)) for p in (root, app) for n in _RUN)]
    called = {_FOREIGN.get(word) for text in texts for word in _PROGRAM.findall(text)}
    others = sorted(
        _TOOLS[name]
        for name in called
        if name and name != manager.name and name not in root.dependencies
    )
    return (*manager.tool, *others)


_RUN = ("start", "build", "heroku-postbuild", "preinstall", "install", "postinstall", "prepare",
        "prestart", "prebuild", "postbuild")  # fmt: skip


def _port(app: Package, plan: _Plan, reasons: list[str]) -> tuple[int, dict[str, str]]:
    """The port, and the variables that tell it in another way than PORT."""
    path = next(filter(app.tree.is_file, _entry_sources(app, plan)), None)
    text = app.tree.head(path, 256 * 1024) if path else ""
    if _LOWER_CASE.search(text) and "process.env.PORT" not in text:
        reasons.append(f"{path}: reads 'port' where PORT is meant, so that is set as well")
        return DEFAULT_PORT, {"port": str(DEFAULT_PORT)}
    return _fixed_port(path, text, reasons), {}


def _entry_sources(app: Package, plan: _Plan) -> Iterator[str]:
    word = re.search(r"(?:^|\s)([\w./-]+\.[cm]?[jt]s)$", plan.start.command or "")
    yield from sources(app, word[1]) if word else ()
    yield from (plan.source,) if plan.source else ()


def _fixed_port(path: str | None, text: str, reasons: list[str]) -> int:
    """The port that the entry file names, where it does not look at PORT at all."""
    if any(map(_looks_up_port, text.split("\n"))):
        return DEFAULT_PORT
    found = _LISTENS.search(text) or (".listen(" in text and _CONSTANT.search(text)) or None
    if not found or not 0 < int(found[1]) < 65536:
        return DEFAULT_PORT
    reasons.append(f"{path}: listens on {found[1]} whatever PORT says, so PORT is {found[1]}")
    return int(found[1])


def _looks_up_port(line: str) -> bool:
    """'port' and 'env' on one line, which may be all of a minified program."""
    found = list(_ENVIRONMENT.finditer(line))
    if not found:
        return False
    after = _ENDS_IN_PORT.search(line, found[0].end())
    return bool(after or _PORT_ITSELF.search(line, 0, found[-1].start()))


def _bare_script(tree: Tree) -> ProjectConfig | None:
    """server.js and no package.json: a script without dependencies."""
    entry_file = tree.first(*BARE[:2])
    if entry_file is None:
        return None
    version, why = node_version(tree, {})
    return ProjectConfig(
        type="nodejs",
        start_command=f"node {entry_file}",
        runtime_version=version,
        main=entry_file,
        reasons=(f"{entry_file}: a Node.js script without package.json", *why),
    )
