"""Where an app's own build puts the JavaScript that it makes of TypeScript.

The rules are those of `tsc`: `outDir`, and below it the source's path from `rootDir`, else from
the folder that holds every source.
"""

import posixpath
import re
from typing import Any

from deployzero.detection.nodejs.manifest import Package
from deployzero.errors import ProjectDetectionError

_TSC = re.compile(r"(?:^|[;&|]\s*|\bnpx )(?:tsc|tspc|ttsc)(?=\s|$)([^;&|]*)")
_OPTION = re.compile(r"--?(p|project|outDir|rootDir)[ =]['\"]?([\w./-]+)")
_NO_OUTPUT = re.compile(r"--?(?:noEmit|emitDeclarationOnly|w|watch|init)\b(?! false)")
_PROJECTS = re.compile(r"--?(?:b|build)\b")
_IMPORTED = re.compile(r"\b(?:from|import)\s*['\"]([^'\"\s]+)['\"]")
_BARE = re.compile(r"\.\.?/(?!.*\.(?:[cm]?js|json|node)$)")
"""Without the ending that Node.js asks for in ES modules."""
MOST_IMPORTED = 500
MOST_EXTENDED = 3
"""Settings that take over those of others."""


def compiled(package: Package, file: str, build: str) -> list[str]:
    """The script that the build makes of a TypeScript file, from the manifest's folder.

    build: the script's text, with that of scripts which it calls. Two places, the likelier first,
    where it depends on sources outside the file's folder, which may be imported; none when the
    build does not call `tsc`, or calls it for its messages alone.
    """
    called = next((call for call in _calls(build) if not _PROJECTS.search(call)), None)
    if called is None or file.endswith(".d.ts") or package.first(_file(called)) is None:
        return []
    given = dict(_OPTION.findall(called))
    options, whole = _settings(package, _file(called))
    if _is_silent(options) or _needs_runner(package, file, options, build):
        return []
    out = given.get("outDir") or options.get("outDir")
    root = given.get("rootDir") or options.get("rootDir")
    made = re.sub(r"ts$", "js", file)
    if not isinstance(out, str):
        return [made] if whole else []  # beside its source
    roots = [root] if isinstance(root, str) else [made.rpartition("/")[0].partition("/")[0], "."]
    inner = [posixpath.relpath(made, each or ".") for each in roots]
    found = [posixpath.normpath(posixpath.join(out, each)) for each in inner]
    if any(path.startswith(("..", "/")) for path in (*inner, *found)):
        return []
    return list(dict.fromkeys(found))


def emits(package: Package, build: str) -> bool:
    """The build calls `tsc`, and not for its messages alone."""
    return any(not _is_silent(_settings(package, _file(call))[0]) for call in _calls(build))


def _calls(build: str) -> list[str]:
    """What `tsc` is told, each time that it is to make something."""
    return [call for call in _TSC.findall(build) if not _NO_OUTPUT.search(call)]


def _file(called: str) -> str:
    """The settings that it reads."""
    given = dict(_OPTION.findall(called))
    path = given.get("p") or given.get("project") or "."
    return posixpath.normpath(path if path.endswith(".json") else f"{path}/tsconfig.json")


def _is_silent(options: dict[str, Any]) -> bool:
    return options.get("noEmit") is True or options.get("emitDeclarationOnly") is True


def _needs_runner(package: Package, file: str, options: dict[str, Any], build: str) -> bool:
    """There is one, and the file imports what Node.js does not find: `tsc` leaves names as
    they are written, without an ending or by an alias of `paths`."""
    if not package.dependencies & {"tsx", "ts-node"} or "alias" in build:
        return False
    imported = _IMPORTED.findall(package.tree.source(package.path(file)))[:MOST_IMPORTED]
    if str(options.get("module")).lower().startswith(("es", "preserve")):
        return any(map(_BARE.match, imported))
    paths = options.get("paths")
    prefixes = (key.partition("*")[0] for key in paths) if isinstance(paths, dict) else ()
    aliases = tuple(filter(None, prefixes))[:MOST_IMPORTED]
    return any(name.startswith(aliases) for name in imported if not name.startswith("."))


def _settings(package: Package, path: str) -> tuple[dict[str, Any], bool]:
    """compilerOptions, with those of files in the repository that it extends, and whether that is
    all: a package's settings can be extended too."""
    options: dict[str, Any] = {}
    top = posixpath.dirname(path)
    for _ in range(MOST_EXTENDED):
        try:
            values = package.tree.json(package.path(path), comments=True) or {}
        except ProjectDetectionError:
            break  # tsc reads more than JSON, and says itself what it does not
        own = values.get("compilerOptions")
        for key, value in own.items() if isinstance(own, dict) else ():
            if key in ("outDir", "rootDir") and isinstance(value, str):
                # Each file's paths begin at the file.
                inner = value.removeprefix("${configDir}/")
                folder = posixpath.dirname(path) if inner == value else top
                value = posixpath.normpath(posixpath.join(folder, inner))
            options.setdefault(key, value)
        extended = values.get("extends")
        if extended is None:
            return options, True
        if not isinstance(extended, str) or not extended.startswith("."):
            break
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), extended))
        path = path if path.endswith(".json") else f"{path}.json"
    return options, False
