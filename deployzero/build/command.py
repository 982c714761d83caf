"""Shell commands for Docker: a process's as a container's command, so that signals reach the
app, and a build's on one line, since a Dockerfile's instruction ends at a newline."""

import re
import shlex

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
_SPANNING = re.compile(
    rf"(?:^|[\s;&|])(?:{'|'.join(map(re.escape, sorted(_KEYWORDS)))})(?=[\s;]|$)"
    r"|<<|[;&|]$|(?:^|\s)#"
)
"""In a line that `&& <the next line>` cannot follow."""
_SET, _RUN = "set -- ", " && sh -ec \"$(printf '%s\\n' "
"""Around the quoted lines of a script."""
_QUOTED = re.compile(r"""(?:'((?:[^']|'"'"')*+)'|([^\s'"]+))(?= |$)""")
"""What shlex.quote makes; shlex.split takes the square of a word's length."""
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")


def process_command(command: str) -> list[str]:
    """`["/bin/sh", "-c", …]` whose last program takes the shell's place.

    Without the `exec` SIGTERM would end the shell and leave the app to be killed. Only
    the last simple command of a plain chain (`a && b; c`) gets it; pipes, background
    jobs, loops and the like stay as they are written.
    """
    return ["/bin/sh", "-c", with_exec(command.strip())]


def one_line(command: str) -> str:
    """A shell command of any number of lines on one line of a Dockerfile.

    Each line that fails ends it. Whole commands are joined by `&&`; what goes over several
    lines (`if`, a here-document, a quoted newline) becomes a script for `sh -e`. A backslash
    at the very end would make the next instruction a part of the command.
    """
    text = re.sub(r"\r\n?", "\n", command).rstrip("\\ \t\n")
    joined = re.sub(r"(?m)^(?!\s*#)(.*)\\[ \t]*\n", r"\1 ", text)
    if "\n" not in joined:
        return joined.strip()
    lines = [line.strip() for line in joined.split("\n")]
    lines = [line for line in lines if line and not line.startswith("#")]
    if all(map(_is_whole, lines)):
        return " && ".join(lines)
    words = " ".join(map(shlex.quote, text.split("\n")))
    return f'{_SET}{words}{_RUN}"$@")"'


def shown(line: str) -> str:
    """A command that `one_line` made, in its author's words: of a script its first line.

    `set -- '# why' 'if true' …` -> `if true … (4 lines)`.
    """
    words, ran, _ = line.removeprefix(_SET).rpartition(_RUN)
    if not (ran and line.startswith(_SET)):
        return line
    first, lines, at = "", 0, 0
    while at < len(words):
        word = _QUOTED.match(words, at)
        if word is None:  # not ours after all
            return line
        lines, at = lines + 1, word.end() + 1
        said = (word[2] or word[1].replace("'\"'\"'", "'")).strip()
        first = first or ("" if said.startswith("#") else said)
    return f"{first} … ({lines} lines)"


def _is_whole(line: str) -> bool:
    """The line is a command of its own, as far as can be told without a shell."""
    try:
        shlex.split(line)
    except ValueError:  # an open quote
        return False
    if _SPANNING.search(line):
        return False
    return line.count("(") == line.count(")") and line.count("`") % 2 == 0


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
