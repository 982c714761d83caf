"""A repository's own Dockerfile: kept as written, except that its RUNs see the build material."""

import re
from collections.abc import Iterator
from pathlib import Path

from deployzero.build.material import SOURCING, mount
from deployzero.errors import BuildError

MOST_BYTES = 256 * 1024
_DIRECTIVE = re.compile(r"^\s*#\s*(\w+)\s*=\s*(\S+)\s*$")
_RUN = re.compile(r"^(?P<word>\s*RUN)(?P<flags>(?:\s+--\w+=\S+)*)(?P<gap>\s+)(?P<rest>.*)$", re.I)
_ONBUILD = re.compile(
    r"^(?P<word>\s*ONBUILD\s+RUN)(?P<flags>(?:\s+--\w+=\S+)*)(?P<rest>\s+.*)$", re.I
)
_FLAGS_ONLY = re.compile(r"^\s*RUN(\s+--\w+=\S+)*\s*$", re.I)
_MORE_FLAGS = re.compile(r"^(\s*--\w+=\S+)?(\s+--\w+=\S+)*\s*$")
_HEREDOC = re.compile(r"(?<!\S)\d*<<(?P<dash>-?)(?P<quote>['\"]?)(?P<word>[A-Za-z_]\w*)(?P=quote)")
_MOUNT = re.compile(r"--mount=(\S+)")
_SHELL = re.compile(r"^\s*SHELL\s+\[\s*\"(?P<program>[^\"]*)\"", re.I)
_FROM = re.compile(r"^\s*FROM\s", re.I)
_POSIX_SHELLS = {"sh", "bash", "ash", "dash", "zsh", "ksh", "busybox"}


def read(source: Path, name: str) -> str:
    """The file's text. Raises BuildError where it cannot be read or is larger than MOST_BYTES."""
    try:
        with (source / name).open(errors="surrogateescape") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BuildError(
            f"{name} cannot be read: {error.strerror}", "Commit it as a plain file."
        ) from error
    if len(text) > MOST_BYTES:
        raise BuildError(
            f"{name} is larger than {MOST_BYTES >> 10} KB", "Copy scripts in, and run them from it."
        )
    return text


def syntax_image(text: str) -> str | None:
    """The frontend's image that a `# syntax=` line names, which must stand at the top."""
    for line in _lines(text):
        match = _DIRECTIVE.match(line)
        if not match:
            return None
        if match[1].lower() == "syntax":
            return match[2]
    return None


def _lines(text: str) -> list[str]:
    """As BuildKit parts them: what Python takes for line ends as well may stand in a RUN."""
    return text.lstrip("\ufeff").removesuffix("\n").split("\n")


def without_syntax(text: str) -> str:
    """The same file for the engine's own frontend."""
    lines = _lines(text)
    for at, line in enumerate(lines):
        match = _DIRECTIVE.match(line)
        if match and match[1].lower() == "syntax":
            more = at + 1 < len(lines) and _DIRECTIVE.match(lines[at + 1])
            # A comment keeps the line numbers, but would end the directives.
            return "\n".join([*lines[:at], *([] if more else ["#"]), *lines[at + 1 :]]) + "\n"
    return text


def rewrite(text: str, material: str, scope: str) -> str:
    """Every RUN with the material's mount and, in a POSIX shell, its variables.

    Its cache mounts get ids below `scope`, so that two apps that name theirs alike, or not
    at all, share nothing. That only parts the defaults, since ids can be written in ways
    that are not seen here; what guards an app's caches is that nobody can guess its scope.

    In the history a RUN shows the path that it reads the variables from, never a value.
    ONBUILD triggers get no material: they run in another image's build.
    """
    escape = _escape(text)
    shell = True
    done: list[str] = []
    for line, body in _instructions(text, escape):
        if _FROM.match(line):
            shell = True
        elif match := _SHELL.match(line):
            shell = match["program"].rpartition("/")[2] in _POSIX_SHELLS
        elif match := _ONBUILD.match(line):
            line = match["word"] + _own_caches(match["flags"], scope) + match["rest"]
        elif match := _RUN.match(line):
            flags = mount(material) + _own_caches(match["flags"], scope)
            line, body = _run(match, body, flags, shell)
        done += [line, *body]
    return "\n".join(done) + "\n"


def _run(match: re.Match[str], body: list[str], flags: str, shell: bool) -> tuple[str, list[str]]:
    start = f"{match['word']} {flags}{match['gap']}"
    rest = match["rest"]
    if rest.startswith("[") or not shell:
        return start + rest, body
    if not rest.startswith("<<"):
        return f"{start}{SOURCING}; {rest}", body
    if _HEREDOC.fullmatch(rest) and not body[0].startswith("#!"):
        body = [SOURCING, *body]
    return start + rest, body


def _own_caches(flags: str, scope: str) -> str:
    """`--mount=type=cache,target=/x` with an `id` below the app's scope."""

    def scoped(mount_flag: re.Match[str]) -> str:
        pairs = [pair.partition("=") for pair in mount_flag[1].split(",")]
        options = {name.lower(): value for name, _, value in pairs}
        if options.get("type", "").lower() != "cache":
            return mount_flag[0]
        target = options.get("target") or options.get("dst") or options.get("destination") or ""
        kept = [f"{name}{equals}{value}" for name, equals, value in pairs if name.lower() != "id"]
        return f"--mount={','.join(kept)},id={scope}/{options.get('id') or target}"

    return _MOUNT.sub(scoped, flags)


def _instructions(text: str, escape: str) -> Iterator[tuple[str, list[str]]]:
    """First line of each instruction (or a comment, or blank) and the lines that belong to it.

    A RUN's flags may stand on continued lines: those are joined to its first line.
    """
    lines = iter(_lines(text))
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            yield line, []
            continue
        head, body = line.rstrip(), []
        parts = [head]
        flags_only = _FLAGS_ONLY.match(head.removesuffix(escape))
        while flags_only and parts[-1].endswith(escape):
            following = next(lines, None)
            if following is None:
                break
            if not following.lstrip().startswith("#"):
                flags_only = _MORE_FLAGS.match(following.strip().removesuffix(escape))
                parts.append(following.strip())
        head = " ".join([*(part.removesuffix(escape).rstrip() for part in parts[:-1]), parts[-1]])
        last = head
        while last.endswith(escape):
            following = next(lines, None)
            if following is None:
                break
            body.append(following)
            if following.strip() and not following.lstrip().startswith("#"):
                last = following.rstrip()
        whole = "\n".join([head, *body])
        if re.match(r"^\s*(RUN|COPY|ADD)\s", head, re.I):
            for heredoc in _HEREDOC.finditer(whole):
                for following in lines:
                    body.append(following)
                    ended = following.lstrip("\t") if heredoc["dash"] else following
                    if ended.rstrip("\r") == heredoc["word"]:
                        break
        yield head, body


def _escape(text: str) -> str:
    for line in _lines(text):
        match = _DIRECTIVE.match(line)
        if not match:
            break
        if match[1].lower() == "escape":
            return match[2]
    return "\\"
