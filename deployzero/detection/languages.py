"""The languages in their order, and which of them a tree is."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from deployzero.detection import recognised
from deployzero.detection.buildpacks import BuildpackDetector
from deployzero.detection.go.detector import GoDetector
from deployzero.detection.go.programs import go_files
from deployzero.detection.listening import listens
from deployzero.detection.nodejs.detector import NodeJSDetector
from deployzero.detection.procfile import words
from deployzero.detection.python.detector import PythonDetector
from deployzero.detection.static import StaticDetector, unfinished
from deployzero.detection.tree import Tree
from deployzero.models.buildpacks import Buildpacks
from deployzero.models.project import ProjectConfig, ProjectType


class Detector(Protocol):
    """One stack. `markers` are the files that speak for it, for the messages."""

    @property
    def type(self) -> ProjectType: ...

    @property
    def markers(self) -> Sequence[str]: ...

    def detect(self, tree: Tree) -> ProjectConfig | None:
        """The plan, None when the tree is of another stack.

        `start_command` stays None when the stack is clear and the way to start is not.
        Raises ProjectDetectionError for a broken file.
        """
        ...


class Language(Detector, Protocol):
    """A stack that may have to be told from another one in the same tree."""

    @property
    def programs(self) -> Sequence[str]:
        """What a Procfile's web command of this stack begins with."""
        ...

    def declared(self, tree: Tree) -> bool:
        """By a manifest, and not only by a script that happens to lie there."""
        ...


BUILT_IN: Mapping[int, Language] = {10: GoDetector(), 60: PythonDetector(), 80: NodeJSDetector()}
"""By their place in the order in which they win when several could serve, as Railpack's.
Those of buildpacks/ come between them, by the `order` that they give themselves."""


def languages(stacks: Buildpacks) -> tuple[Language, ...]:
    """In their order; a buildpack goes before the built-in detector of its name, in its place
    where it names no other."""
    ours = {d.type: order for order, d in BUILT_IN.items()}
    found: list[tuple[int, Language]] = []
    for stack in stacks.stacks.values():
        if stack.detect:
            asked = "order" in stack.model_fields_set
            place = stack.order if asked else ours.get(stack.name, stack.order)
            found.append((place, BuildpackDetector(stack)))
    named = {detector.type for _, detector in found}
    found += [(order, d) for order, d in BUILT_IN.items() if d.type not in named]
    return tuple(detector for _, detector in sorted(found, key=lambda each: each[0]))


def best_language(tree: Tree, web: str, known: Sequence[Language]) -> ProjectConfig | None:
    """The first declared language with a server; else with a script; else the best seen.

    `web`: the Procfile's command, whose program decides between several.
    """
    program = _program(web)
    foreign = recognised.declared(tree)
    plain: ProjectConfig | None = None
    seen: list[ProjectConfig] = []
    for language in sorted(known, key=lambda each: program not in each.programs):
        if foreign and language.type == "nodejs" and program not in language.programs:
            continue  # package.json is often there for the front end of Phoenix or ASP.NET
        config = language.detect(tree)
        if config is None:
            continue
        if language.declared(tree) and (config.start_command or web):
            if not config.plain_script or web:
                return config
            plain = plain or config  # its requirements may be those of tools beside the app
        seen.append(config)
    if plain:
        return plain
    if not web and (site := _site_with_script(tree, known, seen)):
        return site
    best = min(seen, key=lambda c: not (c.start_command or c.static_dir), default=None)
    if best is None or best.start_command or best.static_dir or web:
        return best
    if foreign:
        return None
    # package.json for tools only, beside a plain site.
    return (plain_site(tree) if best.type == "nodejs" and not unfinished(tree) else None) or best


def plain_site(tree: Tree) -> ProjectConfig | None:
    """Files, unless something there says that they are another stack's."""
    if recognised.declared(tree) and not tree.is_file("Staticfile"):
        return None
    return StaticDetector().detect(tree)


def _site_with_script(
    tree: Tree, known: Sequence[Language], seen: Sequence[ProjectConfig]
) -> ProjectConfig | None:
    """A site beside scripts alone, of which none looks like a server: they are helpers."""
    if not tree.is_file("index.html") or any(each.declared(tree) for each in known):
        return None
    return plain_site(tree) if all(_is_helper(tree, config) for config in seen) else None


def _is_helper(tree: Tree, config: ProjectConfig) -> bool:
    start = config.start_command or ""
    if config.type == "python" or not start:
        return config.plain_script or not start
    files = [word for word in start.split() if tree.is_file(word)]
    if config.type == "go":
        files = list(go_files(tree, (config.main or ".").removeprefix("./")))
    return bool(files) and "$PORT" not in start and not any(listens(tree.source(f)) for f in files)


def _program(web: str) -> str:
    """'FOO=1 exec bin/gunicorn app' -> 'gunicorn'."""
    return next(iter(words(web)), "").rpartition("/")[2]
