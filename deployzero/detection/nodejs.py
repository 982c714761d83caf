"""Node.js: package.json, installed by npm; a server, or a front-end build of plain files."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from deployzero.detection.node_site import MANY_PAGES, is_development_server, site
from deployzero.detection.node_version import node_version
from deployzero.detection.procfile import read_procfile
from deployzero.detection.tree import Tree, broken, printable
from deployzero.errors import ProjectDetectionError
from deployzero.models.project import ProjectConfig, ProjectType

LOCKS = ("package-lock.json", "npm-shrinkwrap.json")
OTHER_MANAGERS = {
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "Yarn",
    "bun.lock": "Bun",
    "bun.lockb": "Bun",
}
ENTRIES = ("server.js", "index.js", "app.js", "server.mjs", "index.mjs", "app.mjs")
LIFECYCLE = ("preinstall", "install", "postinstall", "prepare")
"""Scripts of the root package that `npm ci` runs; they may need the source."""

FRAMEWORKS = {
    "next": "next",
    "nuxt": "nuxt",
    "@sveltejs/kit": "sveltekit",
    "@remix-run/node": "remix",
    "@nestjs/core": "nest",
    "express": "express",
    "fastify": "fastify",
    "koa": "koa",
    "hono": "hono",
    "@hapi/hapi": "hapi",
}
FOREIGN = ("bun", "bunx", "deno", "pnpm", "pnpx", "yarn")
"""Programs that a script may call and that the image does not have."""

_HINT = "Until then a Dockerfile of your own is respected: add one at the repository's root."
_SIMPLE = re.compile(r"^(?:[A-Z_]+=[\w./:-]+ )*node(?: [\w./:@=,+-]+)+$")


class NodeJSDetector:
    type: ProjectType = "nodejs"
    markers = ("package.json", *ENTRIES[:1])

    def detect(self, tree: Tree) -> ProjectConfig | None:
        values = tree.json("package.json")
        if values is None:
            return _bare_script(tree)
        package = _Package(tree, values)
        reasons = [f"package.json: a Node.js app{package.named_framework}"]
        install = _install(package, reasons)
        version, why = node_version(tree, values)
        start = _start(package, reasons)
        found = None if start else site(tree, values, package.dependencies)
        if found:
            reasons.append(f"{found[0]}: no server of its own, {found[1]}/ is served as files")
        elif not start:
            reasons.append("no 'start' script, no 'main' that exists, no server.js or index.js")
        build = [*install.after_source, *_build(package, reasons)]
        return ProjectConfig(
            type="nodejs",
            build_command=" && ".join(build) or None,
            start_command=start,
            framework=found[0] if found else package.framework,
            package_manager="npm",
            runtime_version=version,
            install_files=install.files,
            install_command=install.command,
            static_dir=found[1] if found else None,
            spa=bool(found and found[0] not in MANY_PAGES),
            main=_main(package),
            reasons=(*reasons, *why),
        )


class _Package:
    """package.json with its parts checked: a wrong shape is an error that names it."""

    def __init__(self, tree: Tree, values: dict[str, Any]) -> None:
        self.tree = tree
        self.values = values
        self.scripts = self._texts("scripts")
        self.versions = {
            **self._texts("devDependencies"),
            **self._texts("optionalDependencies"),
            **self._texts("dependencies"),
        }
        self.dependencies = set(self.versions)
        self.development = self._texts("devDependencies").keys() - self._texts("dependencies")
        self.framework = next((v for k, v in FRAMEWORKS.items() if k in self.versions), None)

    @property
    def named_framework(self) -> str:
        return f" ({self.framework})" if self.framework else ""

    def _texts(self, key: str) -> dict[str, str]:
        table = self.values.get(key, {})
        if not isinstance(table, dict):
            raise broken("package.json", None, f"has a bad '{key}': it must be an object ({{…}})")
        return {name: value for name, value in table.items() if isinstance(value, str)}

    @property
    def workspaces(self) -> list[str]:
        given = self.values.get("workspaces", [])
        given = given.get("packages", []) if isinstance(given, dict) else given
        return [str(pattern) for pattern in given] if isinstance(given, list) else []


@dataclass(frozen=True)
class _Install:
    files: tuple[str, ...]
    command: str | None
    after_source: tuple[str, ...] = ()
    """What can only run once the source is there."""


def _install(package: _Package, reasons: list[str]) -> _Install:
    tree = package.tree
    lock = tree.first(*LOCKS)
    _other_managers(package, lock, reasons)
    members = _members(package)
    scripts = [name for name in LIFECYCLE if name in package.scripts]
    if not package.versions and not members:
        reasons.append("package.json: no dependencies to install")
        return _Install((), None, tuple(f"npm run {name}" for name in scripts))
    if lock:
        reasons.append(f"{lock}: npm ci installs exactly what it locks")
    else:
        reasons.append(
            "no package-lock.json: npm install picks the newest that package.json allows"
        )
    npm = "npm ci" if lock else "npm install"
    if "build" in package.scripts or scripts or _starts_with_tool(package):
        npm += " --include=dev"  # whatever NODE_ENV is
    if any(version.startswith(("file:", "link:")) for version in package.versions.values()):
        reasons.append("a dependency lies in the repository: npm runs after the source is there")
        return _Install((), None, (npm,))
    # Prisma's client generates itself from the schema while it is installed.
    schema = ("prisma/schema.prisma",) if "@prisma/client" in package.versions else ()
    names = ("package.json", *LOCKS, ".npmrc", *schema)
    files = (*(name for name in names if tree.is_file(name)), *members)
    if members:
        reasons.append(f"npm workspaces: {len(members)} packages are installed together")
    if not scripts:
        return _Install(files, npm)
    # They would run before the source is there: set aside now, run after it.
    aside = "npm pkg delete " + " ".join(f"scripts.{name}" for name in scripts)
    reasons.append(f"{', '.join(scripts)}: run after the source is there")
    return _Install(files, f"{aside} && {npm}", tuple(f"npm run {name}" for name in scripts))


def _starts_with_tool(package: _Package) -> bool:
    """The start script's program is a development dependency, such as ts-node."""
    words = package.scripts.get("start", "").split()
    program = next((word for word in words if "=" not in word and word != "npx"), "")
    return program in package.development and not program.startswith("nodemon")


def _other_managers(package: _Package, lock: str | None, reasons: list[str]) -> None:
    """Another manager's repository: npm in its place where that can work, else an error."""
    found = next((name for name in OTHER_MANAGERS if package.tree.is_file(name)), None)
    declared = package.values.get("packageManager")
    manager = OTHER_MANAGERS[found] if found else None
    if manager is None and isinstance(declared, str) and not declared.startswith("npm@"):
        found, manager = "package.json packageManager", declared.partition("@")[0]
    if manager is None or lock:
        if manager:
            reasons.append(f"{found}: ignored, {lock} is there too and npm is what runs")
        return
    only_there = [v for v in package.versions.values() if v.startswith(("workspace:", "catalog:"))]
    if only_there or package.tree.is_file("pnpm-workspace.yaml"):
        what = only_there[0] if only_there else "pnpm-workspace.yaml"
        raise _unsupported(f"{found}: {manager} with '{what}', which npm cannot install")
    reasons.append(
        f"{found}: {manager} is not supported yet, so npm installs from package.json, "
        "not the locked versions; a package-lock.json or a Dockerfile makes them exact"
    )


def _members(package: _Package) -> tuple[str, ...]:
    """package.json of each npm workspace; patterns may use '*' for one level."""
    found: list[str] = []
    for pattern in package.workspaces:
        parts = [part for part in pattern.split("/") if part not in ("", ".")]
        if ".." not in parts:
            found += _matching(package.tree, ".", parts)
    return tuple(dict.fromkeys(found))


def _matching(tree: Tree, folder: str, parts: list[str]) -> Iterator[str]:
    if not parts:
        if tree.is_file(f"{folder}/package.json"):
            yield f"{folder}/package.json"
        return
    part = "*" if parts[0] == "**" else parts[0]
    for below in tree.folders(folder):
        name = below.rpartition("/")[2]
        if name != "node_modules" and fnmatchcase(name, part):
            yield from _matching(tree, below, parts[1:])


def _build(package: _Package, reasons: list[str]) -> list[str]:
    if "build" not in package.scripts:
        return []
    reasons.append("package.json: npm run build")
    _runs_here(package, "build")
    return ["npm run build"]


def _start(package: _Package, reasons: list[str]) -> str | None:
    """`start` script, `main`, server.js, index.js, app.js. A Procfile's web is put over it."""
    script = package.scripts.get("start", "").strip()
    if script and not is_development_server(script):
        if "web" not in read_procfile(package.tree):
            _runs_here(package, "start")
        command = _direct(package, script, reasons) or "npm start"
        reasons.append(f"package.json: start script '{script[:80]}'")
        return command
    if script:
        reasons.append(
            f"package.json: start script '{script[:80]}' is a development server, unused"
        )
    tool = site(package.tree, package.values, package.dependencies)
    if tool and package.framework is None:
        return None
    main = _main(package)
    declared = package.values.get("main")
    if (
        isinstance(declared, str)
        and declared
        and main in (None, *ENTRIES)
        and declared.removeprefix("./") != main
    ):
        reasons.append(f"package.json: main '{declared[:80]}' does not exist, ignored")
    if main:
        reasons.append(f"{main}: started by node")
        return f"node {shlex.quote(main)}"
    return None


def _direct(package: _Package, script: str, reasons: list[str]) -> str | None:
    """`node server.js` itself instead of npm around it: it gets SIGTERM, and starts faster."""
    if {"prestart", "poststart"} & package.scripts.keys():
        return None
    plain = re.sub(r"^((?:[A-Z_]+=\S+ )*)PORT=\d+ ", r"\1", script)
    if plain != script:
        reasons.append("package.json: the start script's PORT is left out, deployzero sets it")
    plain = re.sub(r"^((?:[A-Z_]+=\S+ )*)nodemon (?=[\w./-]+$)", r"\1node ", plain)
    return plain if _SIMPLE.match(plain) else None


def _main(package: _Package) -> str | None:
    tree = package.tree
    declared = package.values.get("main")
    if isinstance(declared, str) and declared.strip():
        path = declared.strip().removeprefix("./")
        if found := tree.first(path, f"{path}.js", f"{path.rstrip('/')}/index.js"):
            return found
    return tree.first(*ENTRIES)


def _runs_here(package: _Package, name: str) -> None:
    """Refuse a script that calls a package manager or runtime which the image lacks."""
    words = re.split(r"[\s;&|()]+", package.scripts[name])
    missing = next((w for w in words if w in FOREIGN), None)
    if missing and missing not in package.dependencies:
        raise _unsupported(f"package.json: script '{name}' calls {missing}")


def _unsupported(fault: str) -> ProjectDetectionError:
    return ProjectDetectionError(f"{printable(fault)}; it is not supported yet", _HINT)


def _bare_script(tree: Tree) -> ProjectConfig | None:
    """server.js and no package.json: a script without dependencies."""
    entry = tree.first("server.js", "server.mjs")
    if entry is None:
        return None
    version, why = node_version(tree, {})
    return ProjectConfig(
        type="nodejs",
        start_command=f"node {entry}",
        runtime_version=version,
        main=entry,
        reasons=(f"{entry}: a Node.js script without package.json", *why),
    )
