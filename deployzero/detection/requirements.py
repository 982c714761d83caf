"""What pip has to install, and from which files: requirements.txt or pyproject.toml."""

import re
import shlex
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from deployzero.detection.tree import Tree, broken
from deployzero.errors import ProjectDetectionError

_INCLUDE = re.compile(r"^(?:-r|-c|--requirement|--constraint)(?:\s+|=)?(\S+)")
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")
_LOCAL = re.compile(r"^(?:(?:-e|--editable)(?:\s+|=)?)?(?:\.{1,2}(?:/|\[|$)|file:|[\w.-]+/(?!/))")
MAX_INCLUDES = 20


@dataclass
class Requirements:
    """How the dependencies are installed."""

    files: list[str] = field(default_factory=list)
    """What the dependency layer needs, relative to the root."""
    command: str | None = None
    """Installs from those files alone."""
    after_source: list[str] = field(default_factory=list)
    """What can only be installed once the source is there."""
    names: set[str] = field(default_factory=set)
    """Normalised names of what is asked for directly."""
    hashed: bool = False
    reasons: list[str] = field(default_factory=list)

    def add(self, package: str, reason: str) -> None:
        """Install one package more, in the same layer."""
        self.reasons.append(reason)
        if self.command and self.command.startswith("pip install -r") and not self.hashed:
            self.command += f" {package}"
        else:  # with hashes pip would want one for this package too
            self.command = " && ".join(filter(None, (self.command, f"pip install {package}")))


def read_requirements(tree: Tree, pyproject: dict[str, Any]) -> Requirements | None:
    """None when nothing at the root declares Python dependencies.

    requirements.txt wins over all else. Raises ProjectDetectionError for managers
    that are not supported yet, with the way to a requirements.txt.
    """
    if tree.is_file("requirements.txt"):
        return _from_requirements(tree)
    project = pyproject.get("project")
    if isinstance(project, dict):
        return _from_project(tree, pyproject, project)
    _refuse_others(tree, pyproject)
    if tree.is_file("setup.py"):
        return Requirements(
            after_source=["pip install ."],
            reasons=["setup.py: pip install . after the source is there"],
        )
    return None


def _from_requirements(tree: Tree) -> Requirements:
    found = Requirements(reasons=["requirements.txt: installed by pip"])
    local: list[str] = []
    _read(tree, "requirements.txt", found, local)
    for name, manager in (("uv.lock", "uv"), ("poetry.lock", "Poetry"), ("Pipfile", "Pipenv")):
        if tree.is_file(name):
            found.reasons.append(f"{name}: ignored, requirements.txt is used instead of {manager}")
    if local:
        found.reasons.append(
            f"'{local[0][:60]}' lies in the repository: pip runs after it is there"
        )
        found.files = []
        found.after_source = ["pip install -r requirements.txt"]
    elif found.names or found.files[1:]:
        found.command = "pip install -r requirements.txt"
    return found


def _read(tree: Tree, path: str, found: Requirements, local: list[str]) -> None:
    found.files.append(path)
    text = (tree.text(path) or "").replace("\\\n", " ")
    for line in text.split("\n"):
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        if re.match(r"^(<{7}|>{7})( |$)", line):
            number = (tree.text(path) or "").split("\n").index(line) + 1
            raise broken(path, number, "an unresolved merge conflict")
        found.hashed |= "--hash=" in line
        if include := _INCLUDE.match(line):
            _include(tree, path, include[1], found, local)
        elif _LOCAL.match(line) or re.search(r"@\s*file:", line):
            local.append(line)
        elif name := _NAME.match(line):
            found.names.add(canonicalize_name(name[1]))


def _include(tree: Tree, path: str, target: str, found: Requirements, local: list[str]) -> None:
    if "://" in target:
        return
    folder = path.rpartition("/")[0]
    parts: list[str] = []
    for part in f"{folder}/{target}".split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    included = "/".join(parts)
    if not tree.is_file(included):
        raise broken(path, None, f"includes '{target[:80]}', which is not in the repository")
    if included not in found.files and len(found.files) < MAX_INCLUDES:
        _read(tree, included, found, local)


def _from_project(tree: Tree, pyproject: dict[str, Any], project: dict[str, Any]) -> Requirements:
    """Dependencies of [project] are a layer of their own; a package is added after it."""
    given = project.get("dependencies", [])
    if not isinstance(given, list) or not all(isinstance(line, str) for line in given):
        raise broken("pyproject.toml", None, "has bad project.dependencies: a list of texts")
    lock = tree.first("uv.lock", "poetry.lock", "pdm.lock")
    found = Requirements(files=["pyproject.toml"], reasons=["pyproject.toml: installed by pip"])
    if lock:
        found.reasons.append(
            f"{lock}: {lock.partition('.')[0]} is not supported yet, so pip installs what "
            "pyproject.toml allows, not the locked versions; export a requirements.txt for those"
        )
        _refuse_sources(pyproject)
    for line in given:
        try:
            found.names.add(canonicalize_name(Requirement(line).name))
        except InvalidRequirement as error:
            fault = f"project.dependencies: '{line[:60]}' is no requirement"
            raise broken("pyproject.toml", None, fault) from error
    dynamic = project.get("dynamic")
    whole = isinstance(dynamic, list) and "dependencies" in dynamic
    if given:
        found.command = "pip install " + " ".join(shlex.quote(line) for line in given)
    packaged = "build-system" in pyproject and _packaged(pyproject)
    if whole or packaged:
        found.after_source = ["pip install ." if whole else "pip install --no-deps ."]
        found.reasons.append("pyproject.toml: the project itself is installed as a package")
    return found


def _packaged(pyproject: dict[str, Any]) -> bool:
    uv = _tool(pyproject, "uv").get("package", True)
    poetry = _tool(pyproject, "poetry").get("package-mode", True)
    return uv is not False and poetry is not False


def _refuse_sources(pyproject: dict[str, Any]) -> None:
    uv = _tool(pyproject, "uv")
    key = next((key for key in ("sources", "workspace") if uv.get(key)), None)
    if key:
        raise _unsupported(f"pyproject.toml: [tool.uv.{key}], which pip cannot read", "uv")


def _refuse_others(tree: Tree, pyproject: dict[str, Any]) -> None:
    if _tool(pyproject, "poetry").get("dependencies"):
        raise _unsupported("pyproject.toml: a Poetry project ([tool.poetry])", "poetry")
    if pipfile := tree.first("Pipfile.lock", "Pipfile"):
        raise _unsupported(f"{pipfile}: a Pipenv project", "pipenv")
    if conda := tree.first("environment.yml", "environment.yaml"):
        raise _unsupported(f"{conda}: a Conda project", "conda")


EXPORTS = {
    "uv": "uv export --no-hashes --no-emit-project -o requirements.txt",
    "poetry": "poetry export --without-hashes -o requirements.txt",
    "pipenv": "pipenv requirements > requirements.txt",
    "conda": "pip list --format=freeze > requirements.txt",
}


def _unsupported(fault: str, manager: str) -> ProjectDetectionError:
    return ProjectDetectionError(
        f"{fault}; it is not supported yet",
        f"Export what it locks and commit it: {EXPORTS[manager]}; or add a Dockerfile.",
    )


def _tool(pyproject: dict[str, Any], name: str) -> dict[str, Any]:
    tool = pyproject.get("tool")
    found = tool.get(name) if isinstance(tool, dict) else None
    return found if isinstance(found, dict) else {}
