"""package.json, or pnpm's package.json5 and package.yaml, with its parts checked."""

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from deployzero.detection.tree import Tree, broken

MANIFESTS = ("package.json", "package.json5", "package.yaml")
LIFECYCLE = ("preinstall", "install", "postinstall", "prepare")
"""Scripts of a package in the repository that an install runs; they may need its source."""
RUN = ("start", "build", "heroku-postbuild", *LIFECYCLE, "prestart", "prebuild", "postbuild")
"""Scripts of the app that an install, the build and the start run."""
_LINE_COMMENT = r"(?<![:\"'`\w])//[^\n]*"
_COMMENTS = re.compile(rf"/\*.*?\*/|{_LINE_COMMENT}", re.DOTALL)
_CALLS = re.compile(
    r"\b(?:npm|yarn|pnpm|bun|run-s|run-p|npm-run-all)(?: run| run-script|:)?[ :]"
    r"(?:-[\w-]+ )*([\w:-]+)"
)
_ONE_CALL = re.compile(r"^(?:npm|yarn|pnpm|bun)(?: run)? ([\w:.-]+)$")
MOST_PATTERNS, DEEPEST_PATTERN = 200, 12
"""Of workspaces; nobody writes more."""

FRAMEWORKS = {
    "next": "next",
    "nuxt": "nuxt",
    "@sveltejs/kit": "sveltekit",
    "@remix-run/node": "remix",
    "@react-router/node": "react-router",
    "@tanstack/react-start": "tanstack-start",
    "@solidjs/start": "solid-start",
    "@nestjs/core": "nest",
    "express": "express",
    "fastify": "fastify",
    "koa": "koa",
    "hono": "hono",
    "@hapi/hapi": "hapi",
}


class Package:
    """One manifest. A part of a wrong shape is an error that names it."""

    def __init__(self, tree: Tree, file: str, values: dict[str, Any]) -> None:
        self.tree = tree
        self.file = file
        self.folder = posixpath.dirname(file) or "."
        self.values = values
        self.scripts = self.texts("scripts")
        self.versions = {
            **self.texts("devDependencies"),
            **self.texts("optionalDependencies"),
            **self.texts("dependencies"),
        }
        self.dependencies = frozenset(self.versions)
        self.development = self.texts("devDependencies").keys() - self.texts("dependencies")
        self.framework = next((v for k, v in FRAMEWORKS.items() if k in self.versions), None)

    @property
    def name(self) -> str:
        given = self.values.get("name")
        return given if isinstance(given, str) else ""

    def texts(self, key: str) -> dict[str, str]:
        """A table of texts, such as `scripts`; other values are left out."""
        table = self.values.get(key, {})
        if table is None or (not isinstance(table, dict) and key in ("volta", "engines")):
            return {}  # written as a list long ago
        if not isinstance(table, dict):
            raise broken(self.file, None, f"has a bad '{key}': it must be an object ({{…}})")
        return {name: value for name, value in table.items() if isinstance(value, str)}

    def script(self, name: str) -> str:
        return self.scripts.get(name, "").strip()

    def final(self, name: str) -> str:
        """The script that a script only calls ('npm run dev'), else itself."""
        for _ in range(4):  # scripts may call each other
            called = _ONE_CALL.match(self.script(name))
            if not called or called[1] not in self.scripts or self.around(name):
                break
            name = called[1]
        return name

    def around(self, name: str) -> set[str]:
        """The scripts that run before and after it."""
        return {f"pre{name}", f"post{name}"} & self.scripts.keys()

    def expanded(self, command: str) -> str:
        """A shell command with the texts of the scripts that it calls, each of them once."""
        texts: list[str] = []
        known: set[str] = set()
        pending = [command]
        while pending:
            texts.append(pending.pop())
            called = dict.fromkeys(_CALLS.findall(texts[-1]))
            new = [name for name in called if name not in known and self.script(name)]
            known.update(new)
            pending += [self.script(name) for name in reversed(new)]
        return " && ".join(filter(None, texts))

    @cached_property
    def run_scripts(self) -> tuple[str, ...]:
        """What an install, the build and the start run, with the scripts that those call."""
        return tuple(self.expanded(self.script(name)) for name in RUN if self.script(name))

    def pins(self, name: str, kind: str) -> Iterator[tuple[str, str]]:
        """(where, version or range) that it asks for of a tool; '' is any.

        kind: that of the tool in `devEngines`, `runtime` or `packageManager`.
        """
        for key in ("volta", "engines"):
            if name in (table := self.texts(key)):
                yield f"package.json {key}", table[name].strip()
        engines = self.values.get("devEngines")
        wanted = engines.get(kind) if isinstance(engines, dict) else None
        for each in wanted if isinstance(wanted, list) else [wanted]:
            if isinstance(each, dict) and each.get("name") == name:
                yield "package.json devEngines", str(each.get("version") or "")

    def path(self, name: str) -> str:
        """The path from the root of a file beside the manifest."""
        return posixpath.normpath(posixpath.join(self.folder, name))

    def first(self, *names: str) -> str | None:
        """The first of these files beside the manifest, as the manifest would name it."""
        return next((name for name in names if self.tree.is_file(self.path(name))), None)

    def config(self, stem: str) -> str:
        """The text of `<stem>.config.js` or the like without its comments; '' without one."""
        name = self.first(*(f"{stem}.config.{ext}" for ext in ("ts", "js", "mjs", "mts", "cjs")))
        text = self.tree.text(self.path(name)) if name else None
        return _without_comments(text or "")

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The manifests of its workspaces, in the order of their patterns."""
        found: list[str] = []
        left_out: set[str] = set()
        for pattern in self._patterns():
            parts = [part for part in pattern.lstrip("!").split("/") if part not in ("", ".")]
            if ".." in parts or not 0 < len(parts) <= DEEPEST_PATTERN:
                continue
            matching = _matching(self.tree, ".", parts)
            left_out.update(matching) if pattern.startswith("!") else found.extend(matching)
        return tuple(path for path in dict.fromkeys(found) if path not in left_out)

    def _patterns(self) -> list[str]:
        if self.folder != ".":
            return []
        given = self.values.get("workspaces", [])
        given = given.get("packages", []) if isinstance(given, dict) else given
        if self.tree.is_file("pnpm-workspace.yaml"):
            given = self.tree.yaml("pnpm-workspace.yaml").get("packages", given)
        return [str(each) for each in given[:MOST_PATTERNS]] if isinstance(given, list) else []


def read_package(tree: Tree, folder: str = ".") -> Package | None:
    """The manifest of a folder; None without one.

    Raises ProjectDetectionError for one that is broken.
    """
    for name in MANIFESTS:
        path = posixpath.normpath(posixpath.join(folder, name))
        if not tree.is_file(path):
            continue
        if name.endswith(".yaml"):
            if not tree.first("pnpm-lock.yaml", "pnpm-workspace.yaml"):
                continue  # Haskell's tools have a file of this name
            return Package(tree, path, tree.yaml(path))
        values = _json5(tree, path) if name.endswith("5") else tree.json(path)
        return Package(tree, path, values or {})
    return None


def _without_comments(text: str) -> str:
    """A '/*' that nothing ends ('src/*') is none, and is not looked for to the end each time."""
    commented, end, rest = text.rpartition("*/")
    return re.sub(_LINE_COMMENT, "", _COMMENTS.sub("", commented + end) + rest)


def _json5(tree: Tree, path: str) -> dict[str, Any]:
    import json5

    try:
        values = json5.loads(tree.text(path) or "")
    except (ValueError, RecursionError) as error:
        raise broken(path, None, "is not valid JSON5") from error
    if not isinstance(values, dict):
        raise broken(path, 1, "must hold a JSON5 object ({…})")
    return values


def _matching(tree: Tree, folder: str, parts: list[str]) -> list[str]:
    """Manifests below a folder; '**' is any number of levels, down to four."""
    return list(_walk(tree, folder, parts, 4, set()))


def _walk(
    tree: Tree, folder: str, parts: list[str], deeper: int, seen: set[tuple[str, int, int]]
) -> Iterator[str]:
    """`seen`: several '**' lead to the same place in many ways."""
    if (folder, len(parts), deeper) in seen:
        return
    seen.add((folder, len(parts), deeper))
    if not parts or parts == ["**"]:
        manifest = tree.first(*(f"{folder}/{name}" for name in MANIFESTS))
        if manifest and folder != ".":
            yield manifest
        if not parts:
            return
    if parts[0] == "**" and parts[1:]:
        yield from _walk(tree, folder, parts[1:], deeper, seen)
    for below in tree.folders(folder):
        name = below.rpartition("/")[2]
        if name in ("node_modules", "dist", "build"):
            continue
        if parts[0] == "**":
            if deeper:
                yield from _walk(tree, below, parts, deeper - 1, seen)
        elif fnmatchcase(name, parts[0]):
            yield from _walk(tree, below, parts[1:], deeper, seen)
