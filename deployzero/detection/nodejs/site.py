"""Front-end builds that end as plain files: the tool, and the folder it writes to."""

import posixpath
import re
from dataclasses import dataclass, replace
from itertools import islice

from deployzero.detection.nodejs.manifest import Package


@dataclass(frozen=True)
class Site:
    tool: str
    folder: str
    """From the root of the repository."""
    spa: bool
    """One page whose own code knows the paths: an unknown one answers index.html."""
    otherwise: str = ""
    """The folder that is made where the tool does not read the setting that names the other."""


@dataclass(frozen=True)
class _Tool:
    package: str
    name: str
    folder: str
    spa: bool = False
    builds: str = ""
    """What the build script has to call, where the package alone says too little."""


TOOLS = (
    _Tool("astro", "astro", "dist"),
    _Tool("gatsby", "gatsby", "public"),
    _Tool("@docusaurus/core", "docusaurus", "build"),
    _Tool("vitepress", "vitepress", ".vitepress/dist", builds=r"\bvitepress build\b"),
    _Tool("vuepress", "vuepress", ".vuepress/dist", builds=r"\bvuepress build\b"),
    _Tool("@11ty/eleventy", "eleventy", "_site", builds=r"\beleventy\b|\bbuild:"),
    _Tool("hexo", "hexo", "public", builds=r"\bhexo\b"),
    _Tool("@angular/cli", "angular", "dist", spa=True),
    _Tool("@vue/cli-service", "vue-cli", "dist", spa=True),
    _Tool("react-scripts", "create-react-app", "build", spa=True),
    _Tool("@craco/craco", "create-react-app", "build", spa=True),
    _Tool("react-app-rewired", "create-react-app", "build", spa=True),
    _Tool("preact-cli", "preact-cli", "build", spa=True),
    _Tool("ember-cli", "ember", "dist", spa=True),
    _Tool("vite", "vite", "dist", spa=True),
    _Tool("rolldown-vite", "vite", "dist", spa=True),
    _Tool("@rsbuild/core", "rsbuild", "dist", spa=True),
    _Tool("parcel", "parcel", "dist", spa=True, builds=r"\bparcel\b"),
    _Tool("parcel-bundler", "parcel", "dist", spa=True, builds=r"\bparcel\b"),
    _Tool("expo", "expo", "dist", spa=True, builds=r"\bexpo export\b"),
    _Tool("@quasar/app-vite", "quasar", "dist/spa", spa=True, builds=r"\bquasar build\b"),
    _Tool("@quasar/app-webpack", "quasar", "dist/spa", spa=True, builds=r"\bquasar build\b"),
    _Tool("umi", "umi", "dist", spa=True, builds=r"\bumi build\b"),
    _Tool("@umijs/max", "umi", "dist", spa=True, builds=r"\bmax build\b"),
    _Tool("@stencil/core", "stencil", "www", spa=True, builds=r"\bstencil build\b"),
    _Tool("sanity", "sanity", "dist", spa=True, builds=r"\bsanity build\b"),
    _Tool("@sanity/cli", "sanity", "dist", spa=True, builds=r"\bsanity build\b"),
    _Tool("@slidev/cli", "slidev", "dist", spa=True, builds=r"\bslidev build\b"),
    _Tool("gridsome", "gridsome", "dist", builds=r"\bgridsome build\b"),
    _Tool("brunch", "brunch", "public", builds=r"\bbrunch build\b"),
    _Tool("polymer-cli", "polymer", "build/default", spa=True, builds=r"\bpolymer build\b"),
    _Tool("sapper", "sapper", "__sapper__/export", builds=r"\bsapper export\b"),
    _Tool("snowpack", "snowpack", "build", spa=True, builds=r"\bsnowpack build\b"),
    _Tool("webpack", "webpack", "dist", spa=True, builds=r"\bwebpack\b"),
)
"""The first that is installed counts."""

SERVER_FRAMEWORKS = frozenset({
    "next", "nuxt", "@sveltejs/kit", "@remix-run/node", "@remix-run/serve", "@react-router/node",
    "@react-router/dev", "@remix-run/dev", "@tanstack/react-start", "@tanstack/start",
    "@tanstack/solid-start", "@solidjs/start", "@nestjs/core", "@angular/ssr", "nitropack",
    "@builder.io/qwik-city", "@redwoodjs/core", "vike-node", "honox", "@hono/vite-build",
    "@shopify/hydrogen", "@analogjs/platform", "waku",
})  # fmt: skip
"""Frameworks on top of those tools that bring a server of their own."""

_DEVELOPMENT = re.compile(
    r"\b(?:react-scripts start|react-app-rewired start|craco start|ng serve|nx serve|expo start"
    r"|vue-cli-service serve|webpack(?:-dev-server| serve)|astro (?:dev|preview)|gatsby develop"
    r"|vite (?:dev|serve|preview)|parcel (?:serve|watch)|docusaurus start|next dev|nuxt dev"
    r"|nuxi dev|vitepress (?:dev|preview)|vuepress dev|eleventy .*--serve|ember serve"
    r"|remix dev|remix vite:dev|react-router dev|vinxi dev|rsbuild dev|snowpack dev"
    r"|live-server|browser-sync|storybook dev|start-storybook|electron|tsc (?:-w|--watch)"
    r"|docusaurus-start|brunch watch|polymer serve|(?:umi|max) dev|sanity (?:start|dev)|sapper dev"
    r"|gridsome develop|quasar dev|ionic serve|wrangler (?:pages )?dev|nitro(?:pack)? dev"
    r"|solid-start dev|preact watch|slidev(?= *$| --)|stencil build\b.*--(?:serve|watch)"
    r"|hexo server|elm-live)\b"
    r"|(?:^|\s)vite\s*(?:--|$)|^\s*(?:npx )?parcel(?! build\b)(?=\s|$)"
)
MOST_SCRIPT = 2000
"""Characters of a script that are looked at: a search in it may take the square of its length."""
_OUT_FLAG = re.compile(
    r"--(?:outDir|out-dir|dest|dist-dir|output-path|output|output-dir)[ =]['\"]?([\w./-]+)"
)
_NAMED = re.compile(r"\b(?:outDir|outputDir|distDir)\s*:\s*['\"`]([\w./-]+)['\"`]")
_BUILD = re.compile(r"\bbuild\s*:\s*\{")
"""Vite reads `outDir` there alone, and says nothing of one beside it."""
_WITHIN = re.compile(r"[{}]|\boutDir\s*:")
_JOINED = re.compile(
    r"\b(?:outDir|outputDir|path)\s*:\s*(?:path\.)?(?:resolve|join)\("
    r"\s*(?:__dirname|import\.meta\.dirname|process\.cwd\(\))\s*,\s*['\"`]([\w./-]+)['\"`]"
)
_TOP = r"(?m)(?:^[ \t]*|\bdefineConfig\(\s*\{(?:[^{}\n]*,)?\s*|\bexport default \{\s*)"
"""Before a key of the settings: on a line of its own, or all on one line."""
_ROOT = re.compile(_TOP + r"root\s*:\s*['\"`]([\w./-]+)['\"`]")
_ADAPTER = re.compile(_TOP + r"adapter\s*:")
_NITRO_PLUGIN = re.compile(r"['\"]nitro/vite['\"]")
_FALLBACK = re.compile(
    r"^[ \t]*(?:pushstate|index_fallback)\s*:\s*['\"]?(enabled|true|on|disabled|false|off)\b",
    re.IGNORECASE | re.MULTILINE,
)


def is_development_server(script: str) -> bool:
    """The script starts a tool's development server, which is none to serve the public."""
    return bool(_DEVELOPMENT.search(script[:MOST_SCRIPT]))


def site(package: Package, build: str) -> Site | None:
    """The files that the build script makes, when they are all there is to serve; else None.

    build: the script's text, with that of scripts which it calls.
    """
    found = _of_framework(package, build) or _of_tool(package, build)
    if found is None:
        return None
    folder = posixpath.normpath(posixpath.join(package.folder, found.folder))
    if folder.startswith(("..", "/")):
        return None
    spa = found.spa
    if said := _FALLBACK.search(package.tree.text(package.path("Staticfile")) or ""):
        spa = said[1].lower() in ("enabled", "true", "on")
    elif any(package.tree.is_file(package.path(f"{n}/404.html")) for n in ("public", "static")):
        spa = False  # the author wants unknown paths to be not found
    return replace(found, folder=folder, spa=spa)


def _of_framework(package: Package, build: str) -> Site | None:
    """What frameworks with a server write when they are told to need none."""
    uses = package.dependencies
    if "next" in uses:
        text = package.config("next")
        exported = re.search(r"\boutput\s*:\s*['\"`]export['\"`]", text)
        if exported or "next export" in build:
            named = _NAMED.search(text)
            return Site("next", named[1] if exported and named else "out", spa=False)
    if "nuxt" in uses:
        text = package.config("nuxt")
        if re.search(r"\b(?:nuxt|nuxi) generate\b", build) or re.search(
            r"preset\s*:\s*['\"`]static['\"`]", text
        ):
            return Site("nuxt", ".output/public", spa=bool(re.search(r"\bssr\s*:\s*false", text)))
    if "@sveltejs/adapter-static" in uses and "adapter-static" in package.config("svelte"):
        text = package.config("svelte")
        named = re.search(r"\bpages\s*:\s*['\"`]([\w./-]+)['\"`]", text)
        fallback = re.search(r"\bfallback\s*:\s*['\"`]([\w.-]+)['\"`]", text)
        spa = bool(fallback and fallback[1] == "index.html")
        return Site("sveltekit", named[1] if named else "build", spa)
    for framework, name in (("@react-router/dev", "react-router"), ("@remix-run/dev", "vite")):
        text = package.config(name)
        if framework in uses and re.search(r"\bssr\s*:\s*false\b", text):
            named = re.search(r"\bbuildDirectory\s*:\s*['\"`]([\w./-]+)['\"`]", text)
            title = "react-router" if name == "react-router" else "remix"
            return Site(title, f"{named[1] if named else 'build'}/client", spa=True)
    if "@angular/ssr" in uses and (folder := _angular_static(package)):
        return Site("angular", folder, spa=False)
    return None


def _of_tool(package: Package, build: str) -> Site | None:
    if not build or package.dependencies & SERVER_FRAMEWORKS or on_nitro(package):
        return None
    for tool in TOOLS:
        if tool.package not in package.dependencies:
            continue
        if tool.builds and not re.search(tool.builds, build):
            continue
        if tool.name == "webpack" and "html-webpack-plugin" not in package.dependencies:
            continue  # it may as well bundle a server or a library
        if tool.name == "astro" and has_adapter(package):
            return None
        if tool.name == "vite" and re.search(r"\blib\s*:\s*\{", package.config("vite")):
            return None  # a library, with no page of its own
        folder = _folder(package, tool, build) or tool.folder
        spa = tool.spa and not _many_pages(package, tool.name)
        return Site(tool.name, folder, spa, _otherwise(package, tool, build, folder))
    return None


def has_adapter(package: Package) -> bool:
    """An Astro site with pages that are made on request."""
    return bool(_ADAPTER.search(package.config("astro")))


def on_nitro(package: Package) -> bool:
    """Nitro 3 makes the server: by its own build, or as a plugin of Vite's."""
    return "nitro" in package.dependencies and (
        bool(_NITRO_PLUGIN.search(package.config("vite")))
        or bool(re.search(r"\bnitro build\b", package.script("build")[:MOST_SCRIPT]))
    )


def _many_pages(package: Package, tool: str) -> bool:
    return tool == "vite" and bool(re.search(r"\bappType\s*:\s*['\"]mpa", package.config("vite")))


def _folder(package: Package, tool: _Tool, build: str) -> str | None:
    if flag := _OUT_FLAG.search(build):
        return _tidy(flag[1])
    if tool.name == "angular":
        return _angular_folder(package)
    if tool.name == "create-react-app":
        assigned = re.search(r"\bBUILD_PATH=['\"]?([\w./-]+)", build)
        return _tidy(assigned[1]) if assigned else None
    if tool.name in ("vitepress", "vuepress"):
        named = re.search(rf"\b{tool.name} build ([\w./-]+)", build)
        return posixpath.join(named[1], tool.folder) if named else None
    if tool.name == "eleventy":
        return _eleventy_folder(package)
    stem = {"vue-cli": "vue"}.get(tool.name, tool.name)
    text = package.config(stem)
    if "@cloudflare/vite-plugin" in package.dependencies:
        return "dist/client"  # what is left is for its own host
    option = _NAMED.search(text) or _JOINED.search(text)
    root = _ROOT.search(text) if tool.name == "vite" else None
    if root and not _JOINED.search(text):
        return _tidy(posixpath.normpath(posixpath.join(root[1], option[1] if option else "dist")))
    return _tidy(option[1]) if option else None


def _otherwise(package: Package, tool: _Tool, build: str, folder: str) -> str:
    if tool.name != "vite" or folder == tool.folder or _OUT_FLAG.search(build):
        return ""
    text = package.config("vite")
    sure = not _NAMED.search(text) or _ROOT.search(text) or _is_within_build(text)
    return "" if sure else tool.folder


def _is_within_build(text: str) -> bool:
    for begun in islice(_BUILD.finditer(text), 3):
        depth = 1
        for sign in _WITHIN.finditer(text, begun.end()):
            depth += {"{": 1, "}": -1}.get(sign[0], 0)
            if depth == 0:
                break
            if depth == 1 and sign[0] not in "{}":
                return True
    return False


def _eleventy_folder(package: Package) -> str | None:
    name = package.first(".eleventy.js", *(f"eleventy.config.{e}" for e in ("js", "mjs", "cjs")))
    text = package.tree.text(package.path(name)) if name else ""
    found = re.search(r"\boutput\s*:\s*['\"`]([\w./-]+)['\"`]", text or "")
    return _tidy(found[1]) if found else None


def _angular_static(package: Package) -> str | None:
    """Angular's server rendering, told to write every page while it builds."""
    text = package.tree.text(package.path("angular.json")) or ""
    if not re.search(r"\"outputMode\"\s*:\s*\"static\"", text):
        return None
    folder = _angular_folder(package)
    return folder if folder and folder.endswith("browser") else None


def _angular_folder(package: Package) -> str | None:
    """From angular.json; since Angular 17's application builder the files lie in browser/."""
    projects = (package.tree.json(package.path("angular.json"), comments=True) or {}).get(
        "projects"
    )
    if not isinstance(projects, dict):
        return None
    for name, project in projects.items():
        try:
            build = (project.get("architect") or project["targets"])["build"]
            path = build.get("options", {}).get("outputPath", f"dist/{name}")
            builder = str(build.get("builder", ""))
        except (KeyError, TypeError, AttributeError):
            continue
        if project.get("projectType", "application") != "application":
            continue
        if isinstance(path, dict):
            return _tidy(f"{path.get('base', f'dist/{name}')}/{path.get('browser', 'browser')}")
        return _tidy(f"{path}{'/browser' if builder.endswith(':application') else ''}")
    return None


def _tidy(folder: str) -> str | None:
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    return None if ".." in parts or folder.startswith("/") else "/".join(parts) or None
