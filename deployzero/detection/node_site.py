"""Front-end builds that end as plain files: the tool, and the folder it writes to."""

import re
from typing import Any

from deployzero.detection.tree import Tree

TOOLS = (
    ("astro", "astro", "dist"),
    ("@angular/cli", "angular", "dist"),
    ("@vue/cli-service", "vue-cli", "dist"),
    ("react-scripts", "create-react-app", "build"),
    ("vite", "vite", "dist"),
    ("parcel", "parcel", "dist"),
)
"""(package, name, default folder); the first that is installed counts."""

MANY_PAGES = ("astro",)
"""Tools that write a page for each path: an unknown one is not found."""

SERVER_FRAMEWORKS = (
    "next", "nuxt", "@sveltejs/kit", "@remix-run/node", "@remix-run/serve", "@react-router/node",
    "@tanstack/react-start", "@tanstack/start", "@solidjs/start", "@nestjs/core", "@angular/ssr",
)  # fmt: skip
"""Frameworks on top of those tools that bring a server of their own."""

_DEVELOPMENT = re.compile(
    r"\b(?:react-scripts start|ng serve|expo start|vue-cli-service serve"
    r"|webpack(?:-dev-server| serve)|astro (?:dev|preview)|vite (?:dev|serve|preview)|parcel serve)"
    r"\b|(?:^|\s)vite\s*(?:--|$)|^\s*(?:npx )?parcel (?!build)"
)
_OUT_FLAG = re.compile(r"--(?:outDir|out-dir|dest|dist-dir)[ =]['\"]?([\w./-]+)")
_OUT_OPTION = re.compile(r"\b(?:outDir|outputDir)\s*:\s*['\"`]([\w./-]+)['\"`]")


def is_development_server(script: str) -> bool:
    """The script starts a tool's development server, which is none to serve the public."""
    return bool(_DEVELOPMENT.search(script))


def site(tree: Tree, package: dict[str, Any], dependencies: set[str]) -> tuple[str, str] | None:
    """(tool, folder) when the `build` script makes a site of plain files; else None."""
    scripts = package.get("scripts")
    build = scripts.get("build") if isinstance(scripts, dict) else None
    if not isinstance(build, str) or dependencies.intersection(SERVER_FRAMEWORKS):
        return None
    for name, tool, folder in TOOLS:
        if name in dependencies:
            if tool == "astro" and _astro_has_server(tree):
                return None
            return tool, _folder(tree, tool, build) or folder
    return None


def _folder(tree: Tree, tool: str, build: str) -> str | None:
    if flag := _OUT_FLAG.search(build):
        return _tidy(flag[1])
    if tool == "angular":
        return _angular_folder(tree)
    if tool == "create-react-app":
        assigned = re.search(r"\bBUILD_PATH=['\"]?([\w./-]+)", build)
        return _tidy(assigned[1]) if assigned else None
    stem = {"vue-cli": "vue"}.get(tool, tool)
    config = tree.first(*(f"{stem}.config.{ext}" for ext in ("ts", "js", "mts", "mjs", "cjs")))
    text = tree.text(config) if config else None
    option = _OUT_OPTION.search(text or "")
    return _tidy(option[1]) if option else None


def _angular_folder(tree: Tree) -> str | None:
    """From angular.json; since Angular 17's application builder the files lie in browser/."""
    projects = (tree.json("angular.json") or {}).get("projects")
    if not isinstance(projects, dict):
        return None
    for name, project in projects.items():
        try:
            build = project["architect"]["build"]
            path = build["options"].get("outputPath", f"dist/{name}")
        except (KeyError, TypeError, AttributeError):
            continue
        if isinstance(path, dict):
            return _tidy(f"{path.get('base', f'dist/{name}')}/{path.get('browser', 'browser')}")
        below = "/browser" if str(build.get("builder", "")).endswith(":application") else ""
        return _tidy(f"{path}{below}")
    return None


def _astro_has_server(tree: Tree) -> bool:
    config = tree.first(*(f"astro.config.{ext}" for ext in ("mjs", "ts", "js", "cjs", "mts")))
    return bool(config and re.search(r"^\s*adapter\s*:", tree.text(config) or "", re.M))


def _tidy(folder: str) -> str | None:
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    return None if ".." in parts or folder.startswith("/") else "/".join(parts) or None
