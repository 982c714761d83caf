"""Sites of plain files: a Staticfile, public/, index.html at the root, or a usual folder."""

import re
from collections.abc import Iterator
from dataclasses import replace

from deployzero.detection.tree import Tree, broken, join
from deployzero.models.project import ProjectConfig, ProjectType

_KEY = re.compile(r"^\s*[\"']?([a-z_]+)[\"']?\s*:\s*(.*?)\s*$", re.I)
_ON = re.compile(r"^['\"]?(?:enabled|true|on|yes)\b", re.I)
_SOURCE = re.compile(r"<script\b[^<>]*\bsrc=[\"']?[\w./@-]+\.(?:tsx?|mts|jsx|vue|svelte)\b", re.I)
ROOT, FALLBACK = "root", ("pushstate", "index_fallback")
FOLDERS = ("dist", "build", "_site", "site", "www", "htdocs", "html")
"""Looked at in this order where there is nothing else; they need an index.html."""
AUTH = "Staticfile.auth"
UNREAD = {
    "_headers": "Netlify's headers",
    "_redirects": "Netlify's redirects",
    "netlify.toml": "Netlify's settings",
    "vercel.json": "Vercel's settings",
    "firebase.json": "Firebase's settings",
    "nginx.conf": "settings of nginx",
    "nginx.conf.sigil": "settings of nginx",
    "httpd.conf": "settings of Apache",
    ".htaccess": "settings of Apache",
    "Caddyfile": "settings of Caddy",
}


class StaticDetector:
    """Order as Railpack's: Staticfile, public/, index.html."""

    type: ProjectType = "static"
    markers = ("Staticfile", "static.json", "public/index.html", "index.html")

    def detect(self, tree: Tree) -> ProjectConfig | None:
        keys = _staticfile(tree)
        found = _folder(tree, keys)
        if found is None:
            return None
        folder, reason = found
        spa = any(_ON.match(keys.get(name, ("", 0))[0]) for name in FALLBACK)
        spa = spa or _routes_to_index(tree)
        return ProjectConfig(
            type="static",
            static_dir=folder,
            spa=spa,
            reasons=(reason, *_words(tree, folder, keys, spa)),
        )


def protected(tree: Tree, config: ProjectConfig) -> ProjectConfig:
    """With the password that the repository asks for, whatever built the files."""
    if config.type == "dockerfile" or not config.static_dir or config.start_command:
        return config
    if not tree.is_file(AUTH):
        return config
    why = f"{AUTH}: visitors are asked for a name and password"
    return replace(config, password_file=AUTH, reasons=(*config.reasons, why))


def _staticfile(tree: Tree) -> dict[str, tuple[str, int]]:
    """Key to (value, line) of a Staticfile, which is plain YAML."""
    keys = {}
    for number, line in enumerate((tree.text("Staticfile") or "").split("\n"), 1):
        if match := _KEY.match(re.sub(r"(^|\s)#.*$", "", line)):
            keys[match[1].lower()] = match[2].strip("'\""), number
    return keys


def _folder(tree: Tree, keys: dict[str, tuple[str, int]]) -> tuple[str, str] | None:
    """(folder to serve, why)."""
    if ROOT in keys and keys[ROOT][0]:
        root, number = keys[ROOT]
        return _inside(tree, root, "Staticfile", number), f"Staticfile: root is {root}"
    if (told := _static_json(tree).get("root")) and isinstance(told, str):
        return _inside(tree, told, "static.json", None), f"static.json: root is {told}"
    if tree.is_file("public/index.html"):
        return "public", "public/index.html: its folder is served as files"
    if tree.is_file("index.html"):
        return ".", "index.html: the repository is served as files"
    if _has_pages(tree, "public"):
        return "public", "public/: the folder is served as files"
    for folder in FOLDERS:
        if tree.is_file(f"{folder}/index.html"):
            return folder, f"{folder}/index.html: its folder is served as files"
    if tree.is_file("Staticfile"):
        return ".", "Staticfile: the repository is served as files"
    return None


def _inside(tree: Tree, root: str, file: str, number: int | None) -> str:
    folder = root.strip("/").removeprefix("./").rstrip("/") or "."
    if ".." in folder.split("/") or not tree.is_dir(folder):
        raise broken(file, number, f"root '{root}' is no folder of the repository")
    return folder


def _static_json(tree: Tree) -> dict[str, object]:
    """The settings of Heroku's former buildpack for sites."""
    return tree.json("static.json") or {}


def unfinished(tree: Tree) -> bool:
    """index.html loads a source that no browser reads: a bundler has to build the site first."""
    return bool(_SOURCE.search(tree.head("index.html", 64 * 1024)))


def _routes_to_index(tree: Tree) -> bool:
    routes = _static_json(tree).get("routes")
    return isinstance(routes, dict) and routes.get("/**") == "index.html"


def _words(tree: Tree, folder: str, keys: dict[str, tuple[str, int]], spa: bool) -> Iterator[str]:
    if spa:
        yield "unknown paths answer index.html"
    elif tree.is_file(f"{folder}/404.html"):
        yield "unknown paths answer 404.html"
    unread = [name for name in keys if name not in (ROOT, *FALLBACK)]
    if unread:
        yield f"Staticfile: {', '.join(unread[:8])} not read; root and pushstate are"
    if more := [name for name in _static_json(tree) if name not in ("root", "routes")]:
        yield f"static.json: {', '.join(more[:8])} not read; root and routes are"
    yield from unread_settings(tree, folder)


def unread_settings(tree: Tree, folder: str) -> Iterator[str]:
    """What other servers and hosts would read, here at the root and in the folder."""
    for name, what in UNREAD.items():
        for path in dict.fromkeys((name, join(folder, name))):
            if tree.is_file(path):
                yield f"{path}: {what}, which are not read"


def _has_pages(tree: Tree, folder: str) -> bool:
    return any(name.endswith((".html", ".htm")) for name in tree.list(folder))
