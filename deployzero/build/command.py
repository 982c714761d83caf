"""A process's shell command as a container's command, so that signals reach the app."""

import re
import shlex

_WORDS = """
if then else elif fi for while until do done case esac { } ! ( . : [ [[ break cd command continue
eval exec exit export local read return set shift source test times trap type ulimit umask unset
unalias alias wait
"""
_BUILTINS = frozenset(_WORDS.split())
"""What the shell itself does: no program that could take its place."""
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")


def process_command(command: str) -> list[str]:
    """`["/bin/sh", "-c", …]` whose last program takes the shell's place.

    Without the `exec` SIGTERM would end the shell and leave the app to be killed. Only
    the last simple command of a plain chain (`a && b; c`) gets it; pipes, background
    jobs, loops and the like stay as they are written.
    """
    return ["/bin/sh", "-c", with_exec(command.strip())]


def with_exec(command: str) -> str:
    """`migrate && FOO=1 gunicorn app` -> `migrate && FOO=1 exec gunicorn app`."""
    start = _last_simple(command)
    if start is None:
        return command
    at = start
    for word in re.finditer(r"\S+", command[start:]):
        if not _ASSIGNMENT.match(word.group()):
            at = start + word.start()
            break
        if {"'", '"', "$", "`", "\\"} & set(word.group()):
            return command
    else:
        return command
    first = command[at:].split(maxsplit=1)[0]
    if first in _BUILTINS or first.startswith(("(", "<", ">", "#")):
        return command
    return f"{command[:at]}exec {command[at:]}"


def _last_simple(command: str) -> int | None:
    """Where the last simple command begins; None: the chain is more than `&&`, `||`, `;`."""
    try:
        tokens = shlex.shlex(command, posix=False, punctuation_chars=True)
        tokens.whitespace_split = True
        words = list(tokens)
    except ValueError:
        return None
    if any(c in command for c in ("`", "\n", "#", "\\")):
        return None
    at, position, head = 0, 0, True
    for word in words:
        position = command.index(word, position) + len(word)
        if set(word) <= set("();<>|&"):
            if word in ("&&", ";"):
                at, head = position, True
                continue
            if word[0] in "<>":
                continue
            return None
        if head and word in _BUILTINS - {"cd", "export", "set", ".", "source", "umask", "ulimit"}:
            return None
        head = False
    return at + len(command[at:]) - len(command[at:].lstrip()) if command[at:].strip() else None
