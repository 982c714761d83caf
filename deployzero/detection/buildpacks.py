"""Stacks that are data (buildpacks/<name>/buildpack.toml): their rules applied to a tree."""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import PurePosixPath

import re2

from deployzero.detection.tree import Tree
from deployzero.errors import ProjectDetectionError
from deployzero.models.buildpack import Buildpack, Condition, Rule
from deployzero.models.project import ProjectConfig

MOST_MATCHES = 200
"""Files that a glob is followed to: trees are strangers'."""
LONGEST_VERSION = 60
"""Characters; more is none."""
_PLAIN = re.compile(r"(?!-)[A-Za-z0-9_./@+-]+")
"""What becomes part of a command."""
_HOLE = re.compile(r"(?<!\$)\{(1|2|file|stem|folder)\}")


class BuildpackDetector:
    def __init__(self, stack: Buildpack) -> None:
        self.stack = stack
        self.type = stack.name
        conditions = (*stack.detect.files, *stack.detect.scripts) if stack.detect else ()
        self.markers = tuple(c.file for c in conditions if not _is_glob(c.file))
        self.programs = stack.detect.programs if stack.detect else ()

    def detect(self, tree: Tree) -> ProjectConfig | None:
        stack = self.stack
        found = _first(tree, (*stack.detect.files, *stack.detect.scripts)) if stack.detect else None
        if stack.detect is None or found is None or _any(tree, stack.detect.none):
            return None
        reasons = [f"{found['file']}: {stack.title}"]
        version = _version(tree, stack, reasons)
        install = _commands(tree, stack.install.commands)
        start = next(_runs(tree, stack.start), None)
        framework = next((n for n, c in stack.frameworks.items() if _match(tree, c)), None)
        if start:
            reasons.append(f"starts with: {start}")
        elif stack.hint and not stack.static_dir:
            reasons.append(stack.hint)
        return ProjectConfig(
            type=stack.name,
            build_command=_commands(tree, stack.build),
            start_command=start,
            port=stack.port,
            environment=dict(stack.environment),
            framework=framework,
            package_manager=(stack.install.manager or None) if install else None,
            runtime_version=version,
            static_dir=None if start else stack.static_dir or None,
            install_files=tuple(_files(tree, stack.install.files)) if install else (),
            install_command=install,
            reasons=tuple(reasons),
        )

    def declared(self, tree: Tree) -> bool:
        """By more than a script that happens to lie there."""
        return self.stack.detect is not None and bool(_first(tree, self.stack.detect.files))

    def rewritten(self, config: ProjectConfig) -> ProjectConfig:
        """With the web command in this stack's own words, where it has some."""
        web = config.processes.get("web", "")
        for rewrite in self.stack.procfile:
            if match := re2.search(rewrite.pattern, web):
                run = _filled(rewrite.run, _groups(match))
                if run is None:
                    break
                processes = {**config.processes, "web": run}
                return dataclasses.replace(config, processes=processes, start_command=run)
        return config


def _runs(tree: Tree, rules: Iterable[Rule]) -> Iterator[str]:
    """The commands of the rules that apply."""
    for rule in rules:
        if rule.when is None:
            yield rule.run
            continue
        for found in _matches(tree, rule.when):
            if (run := _filled(rule.run, found)) is not None:
                yield run
                break


def _commands(tree: Tree, rules: Iterable[Rule]) -> str | None:
    return " && ".join(_runs(tree, rules)) or None


def _filled(run: str, found: dict[str, str]) -> str | None:
    """None where what goes into the command is not plain."""
    holes = set(_HOLE.findall(run))
    if not all(_PLAIN.fullmatch(found.get(hole, "")) for hole in holes):
        return None
    return _HOLE.sub(lambda hole: found[hole[1]], run)


def _first(tree: Tree, conditions: Iterable[Condition]) -> dict[str, str] | None:
    return next(filter(None, (_match(tree, condition) for condition in conditions)), None)


def _match(tree: Tree, condition: Condition) -> dict[str, str] | None:
    return next(_matches(tree, condition), None)


def _matches(tree: Tree, condition: Condition) -> Iterator[dict[str, str]]:
    """What fills the holes, for each file that meets the condition."""
    if _any(tree, condition.none):
        return
    for path in _paths(tree, condition.file):
        folder = path.rpartition("/")[0]
        if condition.beside and not _any(tree, (f"{folder}/{condition.beside}".lstrip("/"),)):
            continue
        if condition.lacks and re2.search(condition.lacks, _text(tree, path)):
            continue
        groups: dict[str, str] = {}
        if condition.contains:
            match = re2.search(condition.contains, _text(tree, path))
            if match is None:
                continue
            groups = _groups(match)
        yield {**groups, "file": path, "stem": PurePosixPath(path).stem, "folder": folder or "."}


def _groups(match: "re2._Match[str]") -> dict[str, str]:
    return {str(number): text or "" for number, text in enumerate(match.groups(), 1)}


def _text(tree: Tree, path: str) -> str:
    """Nothing where it is no text: a sign that cannot be read is none."""
    try:
        return tree.text(path) or ""
    except ProjectDetectionError:
        return ""


def _version(tree: Tree, stack: Buildpack, reasons: list[str]) -> str | None:
    for source in stack.version.sources:
        for path in _paths(tree, source.file):
            match = re2.search(source.pattern, _text(tree, path))
            version = " ".join((match.group(1) or "").split()) if match else ""
            if 0 < len(version) <= LONGEST_VERSION:
                reasons.append(f"{path}: {stack.title} {version}")
                return version
    return None


def _files(tree: Tree, globs: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(path for glob in globs for path in _paths(tree, glob)))


def _any(tree: Tree, globs: Iterable[str]) -> bool:
    return any(True for glob in globs for _ in _paths(tree, glob))


def _paths(tree: Tree, glob: str) -> Iterator[str]:
    """Files that a glob names, sorted folder by folder."""
    return islice(_walk(tree, "", glob.split("/")), MOST_MATCHES)


def _walk(tree: Tree, folder: str, parts: list[str]) -> Iterator[str]:
    part, rest = parts[0], parts[1:]
    names: Iterable[str] = (part,)
    if _is_glob(part):
        listed = tree.list(folder or ".")
        names = (n for n in listed if fnmatchcase(n, part) and not n.startswith("."))
    for name in names:
        path = f"{folder}/{name}".lstrip("/")
        if rest:
            yield from _walk(tree, path, rest) if tree.is_dir(path) else ()
        elif tree.is_file(path):
            yield path


def _is_glob(text: str) -> bool:
    return any(character in text for character in "*?[")
