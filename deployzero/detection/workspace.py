"""An app whose root belongs to a workspace of the repository: installed there, started below.

npm, pnpm, Yarn, Bun and uv keep one lock for all members, Go has go.work: the member's folder
alone could not be built. So the whole repository is, and the member's commands begin with `cd`.
"""

import re
from dataclasses import replace

from deployzero.detection.choice import Values
from deployzero.detection.go.programs import workspace_members
from deployzero.detection.nodejs.manifest import read_package
from deployzero.detection.python.detector import examined
from deployzero.detection.python.uv import member_files
from deployzero.detection.tree import Tree
from deployzero.models.project import ProjectConfig, ProjectType


def workspace(top: Tree, folder: str) -> str | None:
    """The file at the top that names the folder as a member."""
    if folder == ".":
        return None
    package = read_package(top) if top.is_file(f"{folder}/package.json") else None
    if package and f"{folder}/package.json" in package.members:
        return package.file
    if top.is_file(f"{folder}/go.mod") and folder in workspace_members(top):
        return "go.work"
    if top.is_file(f"{folder}/pyproject.toml"):
        members = member_files(top, top.toml("pyproject.toml") or {})
        return "pyproject.toml" if f"{folder}/pyproject.toml" in members else None
    return None


def below(command: str, folder: str, type_: ProjectType) -> str:
    """A command of the member's, from the top; programs that Go makes lie there."""
    if type_ == "go":
        command = re.sub(r"^(?:\./)?bin/", "/app/bin/", command)
    return f"cd {folder} && {command}"


def from_top(chosen: Values, folder: str) -> Values:
    """What was chosen for the member, in the words of the whole."""
    build, static = chosen.build_command, chosen.static_dir
    return chosen.model_copy(
        update={
            "root": ".",
            "build_command": build and f"cd {folder}\n{build}",
            "static_dir": static and f"{folder}/{static}",
            "dockerfile": chosen.dockerfile and f"{folder}/{chosen.dockerfile}",
        }
    )


def started_below(config: ProjectConfig, tree: Tree, folder: str, manifest: str) -> ProjectConfig:
    """The plan of the whole with the member's own start; Node.js knows it already."""
    why = f"{manifest}: {folder} is built with its whole workspace"
    config = replace(config, reasons=(why, *config.reasons))
    if config.type == "go" and config.start_command:
        return replace(config, start_command=below(config.start_command, folder, config.type))
    return _python(config, Tree(tree.root / folder), folder) if config.type == "python" else config


def _python(config: ProjectConfig, home: Tree, folder: str) -> ProjectConfig:
    """Packages come from the top, the code is the member's."""
    found = examined(home)
    if found is None:
        return config
    own = found.config
    build = [config.build_command, *(f"uv pip install {package}" for package in found.added)]
    build += [f"(cd {folder} && {' && '.join(found.steps)})"] if found.steps else []
    return replace(
        config,
        start_command=own.start_command and below(own.start_command, folder, own.type),
        framework=own.framework,
        build_command=" && ".join(filter(None, build)) or None,
        build_packages=tuple(dict.fromkeys((*config.build_packages, *own.build_packages))),
        run_packages=tuple(dict.fromkeys((*config.run_packages, *own.run_packages))),
        main=own.main and f"{folder}/{own.main}",
        reasons=tuple(dict.fromkeys((*config.reasons, *found.reasons))),
    )
