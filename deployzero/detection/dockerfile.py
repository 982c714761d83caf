"""A repository's own Dockerfile: respected as it is; its port and what it takes are read."""

import posixpath
import re
from collections.abc import Iterator

from deployzero.detection.tree import Tree, broken
from deployzero.models.project import DEFAULT_PORT, ProjectConfig, ProjectType

_HEREDOC = re.compile(r"<<-?\s*(['\"]?)([A-Za-z_]\w*)\1")
_LOCKS = (
    {"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock",
     "bun.lockb"},
    {"poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock"},
)  # fmt: skip
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
    for word, rest in instructions(tree.text(path) or ""):
        for source in _sources(word, rest):
            folder, base = posixpath.split(posixpath.normpath(source.lstrip("/")))
            others = next((locks for locks in _LOCKS if base in locks), set())
            names = {posixpath.join(folder, other) for other in others}
            there = set(filter(tree.is_file, names))
            if there and posixpath.join(folder, base) not in there:
                return posixpath.join(folder, base)
    return None


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
