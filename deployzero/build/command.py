"""A process's shell command as a container's command, so that signals reach the app."""

import re

_KEYWORDS = frozenset(
    ("if then else elif fi for while until do done case esac { } ! [[").split()  # noqa: SIM905
)
_BUILTINS = _KEYWORDS | frozenset(
    (  # noqa: SIM905
        ". : [ break cd command continue eval exec exit export local read return set shift "
        "source test times trap type ulimit umask unset unalias alias wait"
    ).split()
)
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
    parts = _chain(command)
    if parts is None or any(_first_word(command[at:]) in _KEYWORDS for at in parts):
        return command
    at = parts[-1]
    for word in re.finditer(r"\S+", command[parts[-1] :]):
        if not _ASSIGNMENT.match(word.group()):
            at = parts[-1] + word.start()
            break
        if set("'\"$\\") & set(word.group()):
            return command
    if _first_word(command[at:]) in _BUILTINS or command[at : at + 1] in ("", "<", ">"):
        return command
    return f"{command[:at]}exec {command[at:]}"


def _chain(command: str) -> list[int] | None:
    """Where the commands of `a && b; c` begin; None: the shell is asked for more than that."""
    starts, quote, depth, at = [0], "", 0, 0
    while at < len(command):
        char, two = command[at], command[at : at + 2]
        if quote:
            if char == "\\" and quote == '"':
                at += 1
            elif char == quote:
                quote = ""
        elif char == "\\":
            at += 1
        elif char in "'\"":
            quote = char
        elif two == "$(" or (depth and char == "("):
            depth, at = depth + 1, at + (two == "$(")
        elif depth:
            depth -= char == ")"
        elif two == "&&" or (char == ";" and two != ";;"):
            at += two == "&&"
            starts.append(at + 1)
        elif char in "`\n|;()#" or (char == "&" and command[at - 1 : at] not in ("<", ">")):
            return None
        at += 1
    return None if quote or depth else starts


def _first_word(command: str) -> str:
    return (command.split(maxsplit=1) or [""])[0]
