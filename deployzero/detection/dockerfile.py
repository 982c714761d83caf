"""A repository's own Dockerfile: respected as it is; its port and what it takes are read."""

import posixpath
import re
from collections.abc import Iterator
from itertools import islice

from deployzero.detection.tree import Tree, broken
from deployzero.models.project import DEFAULT_PORT, ProjectConfig, ProjectType

_HEREDOC = re.compile(r"<<-?\s*(['\"]?)([A-Za-z_]\w*)\1")
_LOCKS = (
    {"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock",
     "bun.lockb"},
    {"poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock"},
)  # fmt: skip
MOST_LOCKS = 50
"""Nobody takes more."""
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")


class DockerfileDetector:
    type: ProjectType = "dockerfile"
    markers = ("Dockerfile",)

    def detect(self, tree: Tree) -> ProjectConfig | None:
        if not tree.is_file("Dockerfile"):
            return None
        return named_dockerfile(tree, "Dockerfile", "it wins over every other sign")


def named_dockerfile(tree: Tree, path: str, why: str = "") -> ProjectConfig:
    """Raises ProjectDetectionError where it is not there, or no Dockerfile."""
    text = tree.text(path)
    if text is None:
        raise broken(path, None, "was chosen as the Dockerfile, and is not in the repository")
    lines = list(instructions(text))
    if not any(word == "FROM" for word, _ in lines):
        raise broken(path, 1, "has no FROM line")
    port = exposed_port(lines)
    listens = (
        f"listens on {port}, its first EXPOSE"
        if port
        else f"no EXPOSE line, so PORT is {DEFAULT_PORT}"
    )
    return ProjectConfig(
        type="dockerfile",
        port=port or DEFAULT_PORT,
        dockerfile=path,
        reasons=tuple(f"{path}: {reason}" for reason in (why, listens) if reason),
    )


def instructions(text: str) -> list[tuple[str, str]]:
    """(NAME, arguments) of each instruction; comments, continuations, heredocs resolved."""
    found: list[tuple[str, str]] = []
    lines = iter(text.split("\n"))
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        whole = line.strip()
        while whole.endswith("\\"):
            following = next(lines, "")
            if not following.lstrip().startswith("#"):
                whole = whole[:-1] + following.strip()
        word, _, rest = whole.partition(" ")
        if word.upper() in ("RUN", "COPY", "ADD"):
            for heredoc in _HEREDOC.finditer(rest):
                while (inner := next(lines, None)) is not None and inner.strip() != heredoc[2]:
                    pass
        found.append((word.upper(), rest.strip()))
    return found


def missing_lock(tree: Tree, path: str = "Dockerfile") -> str | None:
    """The lock file that the Dockerfile takes where another package manager's is in its place.

    Such a Dockerfile cannot be built: it came with a template, and the author chose another
    manager. Where there is no lock file at all, somebody lost it: that build is to fail.
    """
    lines = _built(instructions(tree.text(path) or ""))
    sources = (source.lstrip("/") for word, rest in lines for source in _sources(word, rest))
    taken = filter(_kin, map(posixpath.normpath, sources))
    for lock in islice(dict.fromkeys(taken), MOST_LOCKS):
        folder, base = posixpath.split(lock)
        there = {name for name in _kin(base) if tree.is_file(posixpath.join(folder, name))}
        if there and base not in there:
            return lock
    return None


def _kin(path: str) -> set[str]:
    """The lock files of the language whose lock file it is."""
    return next((locks for locks in _LOCKS if posixpath.basename(path) in locks), set())


def _built(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the last stage and of the stages that it needs: BuildKit leaves out the others."""
    stages: list[list[tuple[str, str]]] = []
    numbers: dict[str, int] = {}
    for word, rest in lines:
        if word == "FROM":
            numbers[str(len(stages))] = len(stages)
            if name := re.search(r"\sas\s+(\S+)$", rest, re.IGNORECASE):
                numbers[name[1].lower()] = len(stages)
            stages.append([])
        if stages:
            stages[-1].append((word, rest))
    needed, pending = set[int](), [len(stages) - 1] if stages else []
    while pending:
        if (number := pending.pop()) in needed:
            continue
        needed.add(number)
        for word, rest in stages[number]:
            named = rest.split() if word == "FROM" else re.findall(r"\bfrom=([\w.-]+)", rest)
            pending += [numbers[each.lower()] for each in named if each.lower() in numbers]
    return [line for number in sorted(needed) for line in stages[number]]


def _sources(word: str, rest: str) -> list[str]:
    """What an instruction takes from the repository, as it is written."""
    if word == "RUN":
        mounts = [each for each in rest.split() if each.startswith("--mount=")]
        options = [dict(_pairs(mount.removeprefix("--mount="))) for mount in mounts]
        return [
            each.get("source") or each.get("src", "")
            for each in options
            if each.get("type") == "bind" and "from" not in each
        ]
    if word not in ("COPY", "ADD") or "--from=" in rest:
        return []
    words = re.split(r'[\s\[\],"]+', rest)
    return [source for source in words if source and not source.startswith("--")][:-1]


def _pairs(mount: str) -> Iterator[tuple[str, str]]:
    for option in mount.split(","):
        name, _, value = option.partition("=")
        yield name, value


def exposed_port(lines: list[tuple[str, str]]) -> int | None:
    """The first TCP port that the last stage exposes, or else the stages it builds on."""
    stages: dict[str, int | None] = {}
    values: dict[str, str] = {}
    name, port = "", None
    for word, rest in lines:
        if word == "FROM":
            words = [w for w in rest.split() if not w.startswith("--")]
            port = stages.get(words[0].lower()) if words else None
            name = words[2].lower() if len(words) > 2 and words[1].lower() == "as" else ""
        elif word in ("ARG", "ENV"):
            values.update(_assignments(rest))
        elif word == "EXPOSE" and port is None:
            port = next(filter(None, (_port(w, values) for w in rest.split())), None)
        if name:
            stages[name] = port
    return port


def _assignments(rest: str) -> dict[str, str]:
    if "=" not in rest:
        name, _, value = rest.partition(" ")
        return {name: value.strip()} if value else {}
    pairs = (word.partition("=") for word in rest.split() if "=" in word)
    return {name: value.strip("'\"") for name, _, value in pairs}


def _port(word: str, values: dict[str, str]) -> int | None:
    plain = _VARIABLE.sub(lambda m: values.get(m[1] or m[2]) or m[3] or "", word.strip("'\""))
    number, _, protocol = plain.partition("/")
    number = number.partition("-")[0]
    if protocol.lower() not in ("", "tcp") or not number.isascii() or not number.isdigit():
        return None
    return int(number) if len(number) < 6 and 0 < int(number) < 65536 else None
