"""What stays out of the build context: .deployzeroignore (as git reads it) and .dockerignore.

The patterns are an app's, so they are matched by RE2, which takes time linear in the path.
Python's `re` backtracks: one line such as `**/a/**/a/**/a/**/b` took it seconds for one path,
with everything else of the process standing still.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pathspec
import re2
from docker.utils.build import PatternMatcher
from docker.utils.fnmatch import translate

from deployzero.errors import BuildError
from deployzero.models.project import ProjectConfig

OWN, DOCKERS = ".deployzeroignore", ".dockerignore"
MOST_CHARACTERS = 500
MOST_DOUBLE_STARS = 3
MOST_LINES = 1000
MOST_BYTES = 64 * 1024
MATCHER_BYTES = 64 * 1024**2
"""Memory of a matcher; RE2 gives up instead of taking more."""
PLAINER = "Write it in fewer and plainer patterns, then push again."


class Ignored:
    """Whether a path of the tree stays out. Raises BuildError for what cannot be a pattern."""

    def __init__(self, source: Path, config: ProjectConfig) -> None:
        front_end = config if config.type == "nodejs" else config.assets
        self._kept = {*config.install_files, *(front_end.install_files if front_end else ())}
        own, docker = dict(_lines(source, OWN)), dict(_lines(source, DOCKERS))
        if front_end and front_end.install_command:
            # What the install step makes must not be covered by what was committed.
            folder = config.assets.root if config.assets else "."
            own = {0: f"/{folder}/node_modules/".replace("/./", "/"), **own}
        if config.type == "python":
            # Its programs name another machine's Python; /.venv is where ours is.
            own = {**dict(enumerate(_committed_environments(source), -9)), **own}
        self._git = _git(own)
        self._docker = _DockerIgnore(docker) if docker else None
        self._exceptions = any(line.startswith("!") for line in (*own.values(), *docker.values()))

    def __call__(self, path: str) -> bool:
        if path in self._kept:
            return False
        text = _text(path)
        if self._git.match_file(text) or self._git.match_file(f"{text}/"):
            return True
        return self._docker is not None and self._docker.matches(text)

    def whole_folder(self, path: str) -> bool:
        """Nothing below it can be wanted."""
        if any(kept.startswith(f"{path}/") for kept in self._kept):
            return False
        if self._git.match_file(f"{_text(path)}/"):
            return True
        return not self._exceptions and self(path)


def _committed_environments(source: Path) -> Iterator[str]:
    yield "/.venv"
    for name in ("venv", "env"):
        if (source / name / "pyvenv.cfg").is_file():
            yield f"/{name}/"


class _DockerIgnore:
    """Docker's rule: the last pattern decides that matches the path or a folder above it."""

    def __init__(self, lines: dict[int, str]) -> None:
        options = re2.Options()
        options.dot_nl, options.never_capture, options.log_errors = True, True, False
        options.max_mem = MATCHER_BYTES
        self._set = re2.Set.FullMatchSet(options)
        self._wanted: list[bool] = []
        for number, line in lines.items():
            # Its last pattern is docker's own, that .dockerignore itself is sent.
            *patterns, _ = PatternMatcher([line]).patterns
            for pattern in patterns:
                try:
                    self._set.Add(translate(pattern.cleaned_pattern))
                except re2.error as error:
                    raise _bad(DOCKERS, number, "is no pattern") from error
                self._wanted.append(pattern.exclusion)
        self._set.Add(translate(DOCKERS))
        self._wanted.append(True)
        try:
            self._set.Compile()
        except re2.error as error:
            raise BuildError(f"{DOCKERS} has too many patterns", PLAINER) from error

    def matches(self, path: str) -> bool:
        parts = path.split("/")
        paths = ("/".join(parts[: depth + 1]) for depth in range(len(parts)))
        last = max(max(self._set.Match(above) or (-1,)) for above in paths)
        return last >= 0 and not self._wanted[last]


def _git(lines: dict[int, str]) -> pathspec.GitIgnoreSpec:
    for number, line in lines.items():
        try:
            pathspec.GitIgnoreSpec.from_lines([line], backend="re2")
        except (ValueError, re.error, re2.error) as error:
            raise _bad(OWN, number, "is no pattern") from error
    try:
        return pathspec.GitIgnoreSpec.from_lines(lines.values(), backend="re2")
    except re2.error as error:
        raise BuildError(f"{OWN} has too many patterns", PLAINER) from error


def _lines(source: Path, name: str) -> Iterator[tuple[int, str]]:
    """The patterns of a file with their line numbers."""
    file = source / name
    if file.is_symlink() or not file.is_file():
        return
    if file.stat().st_size > MOST_BYTES:
        raise BuildError(f"{name} is larger than {MOST_BYTES >> 10} KB", PLAINER)
    text = file.read_text(errors="replace").lstrip("\ufeff")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if number > MOST_LINES:
            raise _bad(name, number, f"is beyond the {MOST_LINES} lines that are read")
        if len(line) > MOST_CHARACTERS:
            raise _bad(name, number, f"is longer than {MOST_CHARACTERS} characters")
        if line.count("**") > MOST_DOUBLE_STARS:
            raise _bad(name, number, f"has more than {MOST_DOUBLE_STARS} '**'")
        yield number, line.rstrip("\r")


def _bad(name: str, number: int, what: str) -> BuildError:
    return BuildError(f"{name}, line {number} {what}", PLAINER)


def _text(path: str) -> str:
    """A name that is not UTF-8 as text that is."""
    return path.encode(errors="surrogateescape").decode(errors="replace")
