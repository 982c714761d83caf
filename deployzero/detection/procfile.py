"""The Procfile: process names and their shell commands, as strict as Dokku's."""

import re

from deployzero.detection.tree import Tree, broken, conflicting

_LINE = re.compile(r"^([A-Za-z0-9]([A-Za-z0-9_-]{0,48}[A-Za-z0-9])?)\s*:\s*(.*?)\s*$")


MOST_CHARACTERS = 10_000
"""Of a command: what is looked for in it is looked for again and again."""


def read_procfile(tree: Tree) -> dict[str, str]:
    """Processes by name, in the file's order, and over them those chosen by hand.

    A '#' that begins a line is a comment; within a command it is left to the shell.
    Raises ProjectDetectionError naming the line of a merge-conflict marker, a name
    that is there twice, a missing command, or anything else that is no process.
    """
    text = tree.text("Procfile")
    if text is None or tree.member:
        return {**tree.processes}
    processes: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if fault := conflicting(line):
            raise broken("Procfile", number, fault)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, command = _process(line, number)
        if name in processes:
            raise broken("Procfile", number, f"process '{name}' is there twice")
        processes[name] = command
    return {**processes, **tree.processes}


def words(command: str) -> list[str]:
    """'A=1 exec python -u web.py' -> ['python', '-u', 'web.py']."""
    return [word for word in command.split() if "=" not in word and word != "exec"]


def _process(line: str, number: int) -> tuple[str, str]:
    match = _LINE.match(line.strip())
    if match is None or "\0" in line:
        raise broken(
            "Procfile", number, f"expected '<process>: <command>', found '{line.strip()[:60]}'"
        )
    if not match[3] or match[3].startswith("#"):
        raise broken("Procfile", number, f"process '{match[1]}' has no command")
    if len(match[3]) > MOST_CHARACTERS:
        raise broken("Procfile", number, f"is longer than {MOST_CHARACTERS} characters")
    return match[1], match[3]
