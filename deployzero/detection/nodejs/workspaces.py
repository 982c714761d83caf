"""Monorepos: which package is the app, and what has to be built before it."""

import re
from dataclasses import dataclass
from typing import Any

from deployzero.detection.nodejs.command import step
from deployzero.detection.nodejs.manifest import Package, read_package
from deployzero.detection.nodejs.packages import Manager
from deployzero.detection.nodejs.site import SERVER_FRAMEWORKS, is_development_server
from deployzero.detection.tree import Tree


def app_package(root: Package, reasons: list[str]) -> Package:
    """The root, when it can be started; else the only workspace that can.

    Several that could are left to the user: the reasons name them.
    """
    if root.tree.member and (chosen := read_package(root.tree, root.tree.member)):
        return chosen
    if not root.members or _starts(root):
        return root
    candidates = _candidates(root)
    if len(candidates) == 1:
        reasons.append(f"{candidates[0].file}: the only workspace that can be started")
        return candidates[0]
    if candidates:
        names = ", ".join(member.folder for member in candidates[:6])
        reasons.append(
            f"several workspaces could be the app ({names}): choose one by a Procfile, "
            "a start script at the root, or root in deployzero.toml"
        )
    return root


def undecided(root: Package) -> tuple[str | None, str | None]:
    """(why, what to do) where several workspaces could be the app."""
    candidates = [] if root.tree.member or _starts(root) else _candidates(root)
    if len(candidates) < 2:
        return None, None
    folders = [member.folder for member in candidates]
    return (
        f"several workspaces could be it ({', '.join(folders[:6])})",
        f'Choose: root = "{folders[-1]}" in deployzero.toml; or config:set <app> '
        f"DEPLOYZERO_ROOT={folders[-1]}, so that each can be an app of its own; then push again.",
    )


def _candidates(root: Package) -> list[Package]:
    """The workspaces that can be started; none: those that can be built."""
    members = [member for path in root.members if (member := _member(root.tree, path))]
    servers = [member for member in members if _starts(member)]
    return servers or [member for member in members if "build" in member.scripts]


def build_steps(root: Package, app: Package, manager: Manager) -> list[str]:
    """Build scripts of the workspaces that the app depends on, then its own."""
    by_name = {member.name: member for path in root.members if (member := _member(root.tree, path))}
    ordered = _needed_first(app, by_name)
    return [step(p, manager.run("build")) for p in ordered if "build" in p.scripts]


def _needed_first(app: Package, by_name: dict[str, Package]) -> list[Package]:
    ordered: list[Package] = []
    seen = {app.file}
    pending = [(app, iter(app.versions))]
    while pending:
        package, names = pending[-1]
        needed = (by_name[name] for name in names if name in by_name)
        if new := next((each for each in needed if each.file not in seen), None):
            seen.add(new.file)
            pending.append((new, iter(new.versions)))
        else:
            ordered.append(package)
            pending.pop()
    return ordered


def _member(tree: Tree, path: str) -> Package | None:
    return read_package(tree, path.rpartition("/")[0] or ".")


def _starts(package: Package) -> bool:
    script = package.script(package.final("start"))
    if script:
        return not is_development_server(script)
    if package.members:
        return bool(package.first("index.js", "server.js", "app.js", "index.ts", "server.ts"))
    served = package.dependencies & SERVER_FRAMEWORKS
    return bool(served and ("build" in package.scripts or _has_pages(package)))


def _has_pages(package: Package) -> bool:
    return any(package.tree.is_dir(package.path(name)) for name in ("app", "pages", "src/app"))


@dataclass(frozen=True)
class NxApp:
    build: str
    """Arguments of nx."""
    start: str | None = None
    folder: str | None = None
    """Of plain files, where it is a front end."""
    source: str | None = None
    """The server's entry file."""


def nx_app(package: Package, reasons: list[str]) -> NxApp | None:
    """Nx's default project, or its only application, when a target of its builds it."""
    settings = package.tree.json("nx.json", comments=True) if package.folder == "." else None
    if settings is None:
        return None
    name = settings.get("defaultProject")
    projects = _nx_projects(package.tree)
    apps = [key for key, value in projects.items() if value.get("projectType") == "application"]
    if not isinstance(name, str) or name not in projects:
        name = apps[0] if len(apps) == 1 else None
    if name is None:
        if apps:
            reasons.append(
                f"nx.json: no defaultProject among {', '.join(apps[:6])}; "
                "name one, or write a start script"
            )
        return None
    found = _nx_target(name, projects[name])
    if found:
        reasons.append(f"nx.json: {name} is built by nx {found.build}")
    return found


def _nx_projects(tree: Tree) -> dict[str, dict[str, Any]]:
    named = (tree.json("workspace.json", comments=True) or {}).get("projects")
    folders = dict(named) if isinstance(named, dict) else {}
    if not folders:
        folders = {
            f.rpartition("/")[2]: f for top in ("apps", "packages") for f in tree.folders(top)
        }
    found = {}
    for name, folder in folders.items():
        project = folder
        if not isinstance(folder, dict):
            project = tree.json(f"{folder}/project.json", comments=True)
        if isinstance(project, dict):
            found[str(project.get("name", name))] = project
    return found


def _nx_target(name: str, project: dict[str, Any]) -> NxApp | None:
    targets = project.get("targets") or project.get("architect")
    build = targets.get("build") if isinstance(targets, dict) else None
    if not isinstance(build, dict):
        return None
    executor = str(build.get("executor") or build.get("builder") or "")
    options = build.get("options")
    out = options.get("outputPath") if isinstance(options, dict) else None
    if (
        not isinstance(out, str)
        or not re.match(r"^[\w./@-]+$", out)
        or not re.match(r"^[\w@/-]+$", name)
    ):
        return None
    configurations = build.get("configurations")
    production = isinstance(configurations, dict) and "production" in configurations
    command = f"run {name}:build{':production' if production else ''}"
    if re.search(r"(?:next):build$", executor):
        return NxApp(command, start=f"next start {out}")
    if re.search(r"/(?:node|js|nest|express|esbuild):|/webpack:", executor):
        source = str(options.get("main", "main.ts")) if options else "main.ts"
        stem = source.rpartition("/")[2].removesuffix(".ts")
        return NxApp(command, start=f"node {out}/{stem}.js", source=source)
    if re.search(r"/(?:web|react|vite|angular|rspack):|angular", executor):
        return NxApp(command, folder=out)
    return None
