"""Commands that begin with a package manager, which the final image does not have."""

import re

from deployzero.detection.python.pyproject import Table, table
from deployzero.detection.tree import Tree

_VALUES = ("--with", "--extra", "--group", "--env-file", "--package", "-p", "--python",
           "--project", "--directory", "--index")  # fmt: skip
_RUN = re.compile(r"(?:\bpython3? -m )?(?<![\w./-])(uv|poetry|pipenv|pdm|rye)\s+run\s+(?=\S)")
_MODULE = ("-m", "--module")


def in_environment(tree: Tree, processes: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Processes without `uv run`, `poetry run` …: the environment is active anyway."""
    reasons: list[str] = []
    scripts = _scripts(tree) if any(_RUN.search(each) for each in processes.values()) else {}
    found = {}
    for name, command in processes.items():
        plain = _without(command, scripts)
        if plain != command:
            reasons.append(f"{name}: '{plain[:100]}', in the environment that the image has")
        found[name] = plain
    return found, reasons


def _without(command: str, scripts: dict[str, str]) -> str:
    while match := _RUN.search(command):
        head, rest = command[: match.start()], command[match.end() :]
        command = head + _program(rest, scripts)
    return command


def _program(rest: str, scripts: dict[str, str]) -> str:
    """What follows `run`: flags away, scripts by their command, files and modules by python."""
    words = rest.split(" ")
    while words and words[0].startswith("-") and words[0] not in _MODULE:
        words = words[2:] if words[0] in _VALUES else words[1:]
    if not words:
        return ""
    first = words[0]
    if first in _MODULE or first.endswith(".py"):
        words = ["python", *(["-m", *words[1:]] if first in _MODULE else words)]
    elif first in scripts:
        words = [scripts[first], *words[1:]]
    return " ".join(words)


def _scripts(tree: Tree) -> dict[str, str]:
    """Pipfile's [scripts] and [tool.pdm.scripts]."""
    pipfile: Table = tree.toml("Pipfile") or {}
    pdm = table(tree.toml("pyproject.toml") or {}, "tool", "pdm", "scripts")
    found = {}
    for name, value in {**table(pipfile, "scripts"), **pdm}.items():
        value = value.get("cmd", value.get("shell")) if isinstance(value, dict) else value
        if isinstance(value, str) and not _RUN.search(value):
            found[name] = value
    return found
