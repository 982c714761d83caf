"""Which stack a source tree is, and how to build and run it. Reads files, runs nothing."""

import dataclasses
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from deployzero.detection.app_json import read_app_json
from deployzero.detection.assets import front_end
from deployzero.detection.buildpacks import BuildpackDetector
from deployzero.detection.choice import (
    Choice,
    Values,
    decides,
    overridden,
    read_choice,
    unknown_type,
)
from deployzero.detection.dockerfile import DockerfileDetector, missing_lock, named_dockerfile
from deployzero.detection.go.detector import linked
from deployzero.detection.go.processes import compiled
from deployzero.detection.languages import (
    Detector,
    Language,
    best_language,
    languages,
    plain_site,
)
from deployzero.detection.nested import only_folder
from deployzero.detection.procfile import read_procfile
from deployzero.detection.python.command import in_environment
from deployzero.detection.refusals import (
    UnrecognisedError,
    half_a_character,
    no_start,
    unrecognised,
    writable,
)
from deployzero.detection.static import StaticDetector, protected
from deployzero.detection.tree import Tree, printable
from deployzero.detection.workspace import below, from_top, started_below, workspace
from deployzero.errors import ProjectDetectionError
from deployzero.models.buildpacks import Buildpacks, buildpacks
from deployzero.models.project import ProjectConfig


class ProjectDetector:
    """Dockerfile first; then the first language that can be started; static last."""

    def __init__(self, stacks: Buildpacks | None = None) -> None:
        """`stacks`: ours and the operator's; without them ours alone."""
        self._stacks = stacks or buildpacks()
        self._languages = languages(self._stacks)

    def detect(self, root: Path, variables: Mapping[str, str] | None = None) -> ProjectConfig:
        """The plan for a source tree that is to be deployed.

        `variables`: of the app's config, for those that choose by hand (see choice.py).
        Raises ProjectDetectionError: nothing recognised, no way to start it, or a file
        that decides it is broken.
        """
        config = self.examine(root, variables)
        if config.refusal:
            raise ProjectDetectionError(
                config.refusal,
                "A Dockerfile of your own is respected: add one at the root.",
                config.reasons,
            )
        if not startable(config):
            raise no_start(config, self._stacks)
        return config

    def examine(self, root: Path, variables: Mapping[str, str] | None = None) -> ProjectConfig:
        """As `detect`, but a stack whose start command is unknown is returned as well."""
        top = Tree(root)
        if not top.is_dir("."):
            raise ProjectDetectionError(
                f"there is no folder {root}", "Name the folder that holds the app."
            )
        choice = read_choice(top, variables or {})
        try:
            return self._examined(top, choice, variables or {})
        except UnrecognisedError as error:
            folder = None if choice.values.root not in (None, ".") else only_folder(top)
            if folder is None:
                raise
            try:
                return self._examined(top, choice.at(folder), variables or {})
            except UnrecognisedError:
                raise error from None  # which speaks of what the user sees at the top

    def _examined(self, top: Tree, choice: Choice, variables: Mapping[str, str]) -> ProjectConfig:
        chosen = choice.values
        folder = chosen.root or "."
        home = tree = Tree(top.root / folder, choice.processes)
        processes = read_procfile(tree)
        extras = read_app_json(tree)
        if manifest := None if home.is_file("Dockerfile") else workspace(top, folder):
            tree = Tree(top.root, processes, member=folder)
            chosen = from_top(chosen, folder)
        config = self._recognised(tree, chosen, processes.get("web", ""))
        if manifest:
            config = started_below(config, tree, folder, manifest)
        rewrites: list[str] = []
        if config.type == "python":
            processes, rewrites = in_environment(tree, processes)
        if config.type == "go":
            processes, rewrites = compiled(tree, processes)
            config = linked(config, variables)
        if manifest:
            processes = {n: below(c, folder, config.type) for n, c in processes.items()}
        config = overridden(with_processes(config, processes, choice.processes), chosen)
        config = protected(tree, config)
        for detector in self._languages:
            if isinstance(detector, BuildpackDetector) and detector.type == config.type:
                config = detector.rewritten(config)
        misnamed = (
            f"{name}: ignored, the file is called Procfile"
            for name in tree.names
            if name != "Procfile" and name.lower() in ("procfile", "procfile.txt")
        )
        assets, words = front_end(tree, config, chosen.assets)
        if assets:  # its build reads VITE_* and the like, as a Node.js app's does
            given = {**assets.environment, **extras.environment}
            assets = dataclasses.replace(assets, environment=given)
        others = (*_others(tree, config, self._languages), *words)
        reasons = (
            *choice.reasons, *config.reasons, *rewrites, *others, *extras.reasons, *misnamed,
        )  # fmt: skip
        plan = dataclasses.replace(
            config,
            assets=assets,
            environment={**config.environment, **extras.environment},
            generated_secrets=tuple(extras.generated_secrets),
            health_checks=extras.health_checks,
            formation=extras.formation,
            reasons=tuple(map(printable, reasons)),
        )
        if not writable(plan):
            raise half_a_character()
        return plan

    def _recognised(self, tree: Tree, chosen: Values, web: str) -> ProjectConfig:
        if decides(chosen):
            return self._chosen(tree, chosen)
        own = DockerfileDetector().detect(tree)
        lost = missing_lock(tree) if own else None
        config = best_language(tree, web, self._languages) if lost or not own else None
        if own and not (config and (config.start_command or config.static_dir or web)):
            return own
        config = config or plain_site(tree)
        if config is None and chosen.static_dir:
            config = ProjectConfig("static", static_dir=chosen.static_dir)
        if config is None:
            raise unrecognised(tree)
        if lost:
            why = f"Dockerfile: not used, it takes {lost}, which is not in the repository"
            config = dataclasses.replace(config, reasons=(why, *config.reasons))
        return config

    def _chosen(self, tree: Tree, chosen: Values) -> ProjectConfig:
        """The stack that was named, whatever else the tree looks like."""
        if chosen.dockerfile or chosen.type == "dockerfile":
            return named_dockerfile(tree, chosen.dockerfile or "Dockerfile")
        if chosen.type == "static":
            folder = chosen.static_dir or "."
            return StaticDetector().detect(tree) or ProjectConfig("static", static_dir=folder)
        known = {detector.type: detector for detector in self._languages}
        if chosen.type not in known:
            raise unknown_type(str(chosen.type), [*known, "static", "dockerfile"])
        return known[chosen.type].detect(tree) or ProjectConfig(chosen.type)


def startable(config: ProjectConfig) -> bool:
    """Something would run: a process other than `release`, files, or the image's own command."""
    return bool(
        config.type == "dockerfile" or config.static_dir or config.processes.keys() - {"release"}
    )


def with_processes(
    config: ProjectConfig, processes: dict[str, str], by_hand: Container[str] = ()
) -> ProjectConfig:
    """The Procfile, and what was chosen by hand, put over what was guessed."""
    guessed = {"web": config.start_command} if config.start_command else {}
    web = processes.get("web")
    in_file = [name for name in processes if name not in by_hand]
    named = (f"Procfile: {', '.join(in_file)}",) if in_file else ()
    if web and config.type == "nodejs":  # a server of its own in place of plain files
        config = dataclasses.replace(config, static_dir=None, spa=False)
    return dataclasses.replace(
        config,
        start_command=web or config.start_command,
        processes={**guessed, **processes},
        reasons=(*config.reasons, *named),
    )


def _is_built_by_node(config: ProjectConfig) -> bool:
    return config.type == "nodejs" and config.build_command is not None


def _others(tree: Tree, config: ProjectConfig, known: Sequence[Language]) -> list[str]:
    """Files that speak for another stack, and why that one was not taken."""
    stacks: tuple[Detector, ...] = (*known, StaticDetector())
    reasons = []
    for detector in stacks:
        marker = tree.first(*detector.markers)
        if marker and marker.endswith("index.html") and _is_built_by_node(config):
            continue  # the bundler's own entry, as Vite's
        if marker and detector.type != config.type and config.type != "static":
            reasons.append(f"{marker} is there too: {config.type} wins over {detector.type}")
    if reasons and config.type != "dockerfile":
        reasons.append(
            "another choice: a Procfile whose web command says so, type in deployzero.toml, "
            "config:set DEPLOYZERO_TYPE"
        )
    return reasons
