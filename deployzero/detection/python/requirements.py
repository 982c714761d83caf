"""What pip has to install, and from which files: requirements.txt and what it includes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from deployzero.detection.tree import Tree, broken, conflicting

CONVENTIONS = (
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/deploy.txt",
    "requirements-prod.txt",
    "requirements_prod.txt",
    "requirements/requirements.txt",
    "requirements/base.txt",
    "requirements/common.txt",
)
"""Looked for in this order where there is no requirements.txt at the root."""
BRINGS = {
    ("fastapi", "standard"): "uvicorn",
    ("fastapi", "all"): "uvicorn",
    ("uvicorn", "standard"): "uvicorn",
    ("connexion", "uvicorn"): "uvicorn",
    ("litestar", "standard"): "uvicorn",
    ("litestar", "full"): "uvicorn",
}
"""Servers that an extra installs."""
_INCLUDE = re.compile(r"^(?:-r|-c|--requirement|--constraint)(?:\s+|=)?(\S+)")
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9._-]+)")
_LOCAL = re.compile(
    r"^(?:(?:-e|--editable)(?:\s+|=)?)?(?:\.{1,2}(?:/|\[|$)|file:|[\w.-]+/(?!/))"
    r"|^(?:-f|--find-links)(?:\s+|=)?(?!https?://)"
)
_SELF = re.compile(r"^(?:(?:-e|--editable)[\s=]*)?\./?(?:\[[^\]]*\])?$")
_OWN_FOLDER = re.compile(r"((-e|--editable)[\s=]*)?(\.{1,2}([/\[].*)?|file:.*)")
_GIT = re.compile(r"\bgit\+(?:https?|ssh|git)://\S+")
MAX_INCLUDES = 20


@dataclass
class Requirements:
    """How the dependencies are installed."""

    manager: str | None = "pip"
    tool: str | None = None
    """The manager as pip installs it ('uv==0.7.2'); None: pip itself."""
    files: list[str] = field(default_factory=list)
    """What the dependency layer needs, relative to the root."""
    command: str | None = None
    """Installs from those files alone."""
    after_source: list[str] = field(default_factory=list)
    """What can only be installed once the source is there."""
    names: set[str] = field(default_factory=set)
    """Normalised names of what is asked for directly."""
    locked: set[str] = field(default_factory=set)
    """Normalised names of all that a lock file holds."""
    added: dict[str, str] = field(default_factory=dict)
    """What `add` put there: package to reason."""
    own_folders: tuple[str, ...] = ()
    """Lines of the file that name folders of the repository, where the others can go before."""
    adding: str = "pip install"
    """Installs one package more."""
    hashed: bool = False
    packaged: bool = False
    """The project itself is installed, so that its scripts exist."""
    reasons: list[str] = field(default_factory=list)
    refusal: str | None = None

    def name(self, name: str, extras: Iterable[str] = ()) -> None:
        """Note a package that is asked for, and the server that its extras bring."""
        known = canonicalize_name(name)
        self.names.add(known)
        for extra in extras:
            if server := BRINGS.get((known, extra.strip().lower())):
                self.names.add(server)

    def name_line(self, line: str) -> None:
        """As `name`, of a line such as 'fastapi[standard] >= 0.115'."""
        if match := _NAME.match(line):
            self.name(match[1], (match[2] or "").split(","))

    def add(self, package: str, reason: str) -> None:
        """Install one package more, in the same layer where there is one."""
        self.reasons.append(reason)
        self.added[package] = reason
        self.names.add(canonicalize_name(package))
        if self.command and self.command.startswith("pip install -r") and not self.hashed:
            self.command += f" {package}"
        elif self.after_source and not self.command:
            self.after_source.append(f"{self.adding} {package}")
        else:  # with hashes pip would want one for this package too
            steps = filter(None, (self.command, f"{self.adding} {package}"))
            self.command = " && ".join(steps)


def read_requirements(tree: Tree, path: str = "requirements.txt") -> Requirements:
    """The file and all that it includes.

    Raises ProjectDetectionError naming an included file that is missing, or a line
    that is a merge-conflict marker.
    """
    found = Requirements(reasons=[f"{path}: installed by pip"])
    local: list[str] = []
    _read(tree, path, found, local)
    if local:
        found.reasons.append(
            f"'{local[0][:60]}' lies in the repository: pip runs after it is there"
        )
        files, found.files = found.files, []
        found.after_source = [f"pip install -r {path}"]
        found.packaged = any(_SELF.match(line) for line in local)
        whole = set(tree.requirements(path).split("\n"))
        if (
            files == [path]
            and not found.hashed
            and all(line in whole and _OWN_FOLDER.fullmatch(line) for line in local)
        ):
            found.own_folders = tuple(local)
    elif found.names or found.files[1:] or found.hashed:
        found.command = f"pip install -r {path}"
    return found


def _read(tree: Tree, path: str, found: Requirements, local: list[str]) -> None:
    found.files.append(path)
    text = tree.requirements(path)
    for line in text.replace("\\\n", " ").split("\n"):
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        if fault := conflicting(line):
            lines = enumerate(text.split("\n"), 1)
            number = next((number for number, each in lines if line in each), None)
            raise broken(path, number, fault)
        found.hashed |= "--hash=" in line
        if git := _GIT.search(line):
            _git(git[0], line, found)
        elif include := _INCLUDE.match(line):
            _include(tree, path, include[1], found, local)
        elif _LOCAL.match(line) or re.search(r"@\s*file:", line):
            local.append(line)
        found.name_line(line)


def _git(url: str, line: str, found: Requirements) -> None:
    """pip fetches it in the build, where git is; what it needs to log in is not known here."""
    if egg := _EGG.search(line):
        found.name(egg[1])
    elif line.startswith(("-", "git+")):
        found.name(url.rstrip("/").rpartition("/")[2].partition("@")[0].removesuffix(".git"))
    url = re.sub(r"//[^/@\s]*@", "//", url)  # a token that stands there is not for the log
    if "git+ssh" in url:
        found.reasons.append(f"'{url[:80]}': the build has no SSH key; use https with a token")
    else:
        found.reasons.append(f"'{url[:80]}': pip clones it in the build")


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
