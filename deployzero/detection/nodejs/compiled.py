"""Where an app's own build puts the JavaScript that it makes of TypeScript.

The rules are those of `tsc`: `outDir`, and below it the source's path from `rootDir`, else from
the folder that holds every source.
"""

import posixpath
import re
from typing import Any

from deployzero.detection.nodejs.manifest import Package
from deployzero.errors import ProjectDetectionError

_TSC = re.compile(r"(?:^|[;&|]\s*|\bnpx )tsc(?=\s|$)([^;&|]*)")
_OPTION = re.compile(r"--?(p|project|outDir|rootDir)[ =]['\"]?([\w./-]+)")
_NO_OUTPUT = re.compile(r"--?(?:noEmit|emitDeclarationOnly|b|build|w|watch|init)\b(?! false)")
MOST_EXTENDED = 3
"""Settings that take over those of others."""


def compiled(package: Package, file: str, build: str) -> str | None:
    """The script that the build makes of a TypeScript file, from the manifest's folder.

    build: the script's text, with that of scripts which it calls. None when it does not call
    `tsc`, or calls it for its messages alone.
    """
    called = next((c for c in _TSC.findall(build) if not _NO_OUTPUT.search(c)), None)
    if called is None or file.endswith(".d.ts"):
        return None
    given = dict(_OPTION.findall(called))
    settings = given.get("p") or given.get("project") or "tsconfig.json"
    if not settings.endswith(".json"):
        settings = posixpath.join(settings, "tsconfig.json")
    settings = posixpath.normpath(settings)
    if package.first(settings) is None:
        return None
    options, shared, whole = _settings(package, settings)
    if options.get("noEmit") is True or options.get("emitDeclarationOnly") is True:
        return None
    out, root = given.get("outDir") or options.get("outDir"), given.get("rootDir")
    if out is None and not whole:
        return None
    made = re.sub(r"ts$", "js", file)
    if not isinstance(out, str):
        return made  # beside its source
    root = root or options.get("rootDir") or _common(package, file, shared, out)
    inner = posixpath.relpath(made, root if isinstance(root, str) else ".")
    found = posixpath.normpath(posixpath.join(out, inner))
    return None if inner.startswith("..") or found.startswith(("..", "/")) else found


def _settings(package: Package, path: str) -> tuple[dict[str, Any], list[str] | None, bool]:
    """compilerOptions, with those of files in the repository that it extends, `include`, and
    whether that is all: a package's settings can be extended too."""
    options: dict[str, Any] = {}
    include: list[str] | None = None
    for _ in range(MOST_EXTENDED):
        try:
            values = package.tree.json(package.path(path), comments=True) or {}
        except ProjectDetectionError:
            break  # tsc reads more than JSON, and says itself what it does not
        own = values.get("compilerOptions")
        options = {**own, **options} if isinstance(own, dict) else options
        named = values.get("files", values.get("include"))
        if include is None and isinstance(named, list):
            include = [each for each in named if isinstance(each, str)]
        extended = values.get("extends")
        if extended is None:
            return options, include, True
        if not isinstance(extended, str) or not extended.startswith("."):
            break
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), extended))
        path = path if path.endswith(".json") else f"{path}.json"
    return options, include, False


def _common(package: Package, file: str, include: list[str] | None, out: str) -> str:
    """The folder that holds every source: that of the file, or the top."""
    folder = posixpath.dirname(file)
    if not folder:
        return "."
    if include is None:
        out = posixpath.normpath(out).partition("/")[0]
        names = [n for n in package.tree.list(package.folder) if n not in (out, folder)]
        include = [name for name in (".", *names) if _holds_sources(package, name)]
    plain = (posixpath.normpath(re.split(r"[*?{]", each)[0] or ".") for each in include)
    return folder if all(f"{each}/".startswith(f"{folder}/") for each in plain) else "."


def _holds_sources(package: Package, folder: str) -> bool:
    names = package.tree.list(package.path(folder))
    return folder != "node_modules" and any(
        name.endswith((".ts", ".tsx", ".mts")) and not name.endswith(".d.ts") for name in names
    )
