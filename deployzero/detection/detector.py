"""Which stack a source tree is, and how to build and run it. Reads files, runs nothing."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from deployzero.detection.app_json import read_app_json
from deployzero.detection.dockerfile import DockerfileDetector
from deployzero.detection.go import GoDetector, compiled
from deployzero.detection.nodejs import NodeJSDetector
from deployzero.detection.procfile import read_procfile
from deployzero.detection.python import PythonDetector
from deployzero.detection.static import StaticDetector
from deployzero.detection.tree import Tree, printable
from deployzero.errors import ProjectDetectionError
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


LANGUAGES: tuple[Detector, ...] = (GoDetector(), PythonDetector(), NodeJSDetector())
"""In the order in which they win when several could serve, as Railpack's."""

PROGRAMS = {
    "python": ("python", "python3", "gunicorn", "uvicorn", "hypercorn", "flask", "waitress-serve"),
    "nodejs": ("node", "npm", "npx", "nodejs"),
    "go": ("go",),
}
"""What a Procfile's web command begins with decides between several languages."""

UNSUPPORTED = {
    "Gemfile": "Ruby",
    "composer.json": "PHP",
    "pom.xml": "Java",
    "build.gradle": "Java",
    "build.gradle.kts": "Java",
    "Cargo.toml": "Rust",
    "mix.exs": "Elixir",
    "deno.json": "Deno",
    "project.clj": "Clojure",
    "build.sbt": "Scala",
    "Package.swift": "Swift",
    "gleam.toml": "Gleam",
    "package.json5": "pnpm",
    "package.yaml": "pnpm",
}

NO_START = "no way to start a web process was found"


class ProjectDetector:
    """Dockerfile first; go, python, nodejs: the first that can be started; static last."""

    def detect(self, root: Path) -> ProjectConfig:
        """The plan for a source tree that is to be deployed.

        Raises ProjectDetectionError: nothing recognised, no way to start it, or a file
        that decides it is broken.
        """
        config = self.examine(root)
        if not startable(config):
            raise no_start(config)
        return config

    def examine(self, root: Path) -> ProjectConfig:
        """As `detect`, but a stack whose start command is unknown is returned as well."""
        tree = Tree(root)
        if not tree.is_dir("."):
            raise ProjectDetectionError(
                f"there is no folder {root}", "Name the folder that holds the app."
            )
        processes = read_procfile(tree)
        extras = read_app_json(tree)
        config = DockerfileDetector().detect(tree) or _language(tree, processes.get("web", ""))
        config = config or _plain_site(tree)
        if config is None:
            raise unrecognised(tree)
        config = with_processes(config, processes)
        misnamed = (
            f"{name}: ignored, the file is called Procfile"
            for name in tree.names
            if name != "Procfile" and name.lower() in ("procfile", "procfile.txt")
        )
        reasons = (*config.reasons, *_others(tree, config), *extras.reasons, *misnamed)
        return dataclasses.replace(
            config,
            environment={**config.environment, **extras.environment},
            generated_secrets=tuple(extras.generated_secrets),
            health_checks=extras.health_checks,
            formation=extras.formation,
            reasons=tuple(map(printable, reasons)),
        )


def startable(config: ProjectConfig) -> bool:
    """Something would run: a process other than `release`, files, or the image's own command."""
    return bool(
        config.type == "dockerfile" or config.static_dir or config.processes.keys() - {"release"}
    )


def no_start(config: ProjectConfig) -> ProjectDetectionError:
    """The error for a stack that is clear and cannot be started."""
    return ProjectDetectionError(
        f"a {config.type} app, but {NO_START}",
        "Add a Procfile with a line such as 'web: <command>'; the app listens on 0.0.0.0:$PORT.",
        config.reasons,
    )


def with_processes(config: ProjectConfig, processes: dict[str, str]) -> ProjectConfig:
    """The Procfile put over what was guessed: its web process wins."""
    guessed = {"web": config.start_command} if config.start_command else {}
    web = processes.get("web")
    named = (f"Procfile: {', '.join(processes)}",) if processes else ()
    if web and config.type == "nodejs":  # a server of its own in place of plain files
        config = dataclasses.replace(config, static_dir=None, spa=False)
    if web and config.type == "go":
        web = compiled(web, config)
        processes = {**processes, "web": web}
    return dataclasses.replace(
        config,
        start_command=web or config.start_command,
        processes={**guessed, **processes},
        reasons=(*config.reasons, *named),
    )


def _language(tree: Tree, web: str) -> ProjectConfig | None:
    """The first declared language that can be started; else the best that was seen."""
    program = _program(web)
    foreign = tree.first(*UNSUPPORTED)
    seen: list[ProjectConfig] = []
    for detector in sorted(LANGUAGES, key=lambda d: program not in PROGRAMS[d.type]):
        if foreign and detector.type == "nodejs" and program not in PROGRAMS["nodejs"]:
            continue  # package.json is often there for the front end of Rails or Laravel
        config = detector.detect(tree)
        if config is None:
            continue
        if _declared(tree, config) and (config.start_command or web):
            return config
        seen.append(config)
    best = min(seen, key=lambda c: not (c.start_command or c.static_dir), default=None)
    if best is None or best.start_command or best.static_dir or web:
        return best
    if foreign:
        return None
    # package.json for tools only, beside a plain site.
    return (_plain_site(tree) if best.type == "nodejs" else None) or best


def _program(web: str) -> str:
    """'FOO=1 exec bin/gunicorn app' -> 'gunicorn'."""
    words = [word for word in web.split() if "=" not in word and word != "exec"]
    return words[0].rpartition("/")[2] if words else ""


def _plain_site(tree: Tree) -> ProjectConfig | None:
    """Files, unless something there says that they are another stack's."""
    if tree.first(*UNSUPPORTED) and not tree.is_file("Staticfile"):
        return None
    return StaticDetector().detect(tree)


def _declared(tree: Tree, config: ProjectConfig) -> bool:
    """By a manifest, and not only by a script that happens to lie there."""
    manifests = {
        "go": ("go.mod", "go.work"),
        "python": ("requirements.txt", "pyproject.toml", "setup.py", "manage.py"),
        "nodejs": ("package.json",),
    }
    return tree.first(*manifests[config.type]) is not None


def _others(tree: Tree, config: ProjectConfig) -> list[str]:
    """Files that speak for another stack, and why that one was not taken."""
    reasons = []
    for detector in (*LANGUAGES, StaticDetector()):
        marker = tree.first(*detector.markers)
        if marker and detector.type != config.type and config.type != "static":
            reasons.append(f"{marker} is there too: {config.type} wins over {detector.type}")
    if reasons and config.type != "dockerfile":
        reasons.append("another choice: a Procfile whose web command says so, or a Dockerfile")
    return reasons


def unrecognised(tree: Tree) -> ProjectDetectionError:
    """What was looked for, what was seen, what helps."""
    foreign = tree.first(*UNSUPPORTED)
    shown = [
        printable(f"{name[:80]}/") if tree.is_dir(name) else printable(name[:80])
        for name in tree.names[:20]
    ]
    more = f" and {len(tree.names) - 20} more" if len(tree.names) > 20 else ""
    detail = (
        "looked for: Dockerfile; go.mod; requirements.txt, pyproject.toml, manage.py or "
        "main.py, app.py, server.py; package.json; index.html or public/",
        f"seen: {', '.join(shown)}{more}" if shown else "seen: nothing, the tree is empty",
    )
    hint = "Add one of these files at the root; a Dockerfile of your own always works."
    if foreign:
        message = f"a {UNSUPPORTED[foreign]} app ({foreign}), which is not supported yet"
        return ProjectDetectionError(
            message, "A Dockerfile of your own is respected: add one at the root.", detail
        )
    if below := _marked_folder(tree):
        hint = (
            f"{below} looks like an app: push that folder as the root, "
            f"'git subtree push --prefix {below.partition('/')[0]} <remote> main', "
            "or add a Dockerfile at the root."
        )
    return ProjectDetectionError("no app was recognised in this repository", hint, detail)


def _marked_folder(tree: Tree) -> str | None:
    wanted = ("Dockerfile", "go.mod", "requirements.txt", "pyproject.toml", "package.json")
    found = (tree.first(*(f"{folder}/{name}" for name in wanted)) for folder in tree.folders()[:20])
    return next(filter(None, found), None)
