import time
from pathlib import Path

import pytest

from deployzero.build.ignore import Ignored
from deployzero.errors import BuildError
from deployzero.models.project import ProjectConfig

PYTHON = ProjectConfig("python")
FILES = [".dockerignore", ".deployzeroignore"]
PATHS = ["/".join(["a"] * 40), "a" * 250, "/".join(["ab" * 20] * 60)]


def ignored(folder: Path, file: str, text: str) -> Ignored:
    (folder / file).write_text(text)
    return Ignored(folder, PYTHON)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "pattern",
    [
        "**/a/**/a/**/a/b",
        "*a" * 20 + "c",
        "?*" * 100 + "b",
        "[ab]*" * 90 + "c",
        "**/*a*a*a*a/**/*a*a*b/**/*a?a?*c",
        "**/a" + "?" * 400 + "b",
    ],
)
def test_no_pattern_takes_long(tmp_path: Path, file: str, pattern: str) -> None:
    """Engines that backtrack never come to the end of most of these."""
    started = time.process_time()
    wanted = ignored(tmp_path, file, pattern)
    assert not any(wanted(path) for path in PATHS)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("file", FILES)
def test_many_bad_patterns_are_refused_or_matched_soon(tmp_path: Path, file: str) -> None:
    lines = [f"{'*a' * 200}{number}" for number in range(150)]
    started = time.process_time()
    try:
        wanted = ignored(tmp_path, file, "\n".join(lines))
    except BuildError as error:
        assert error.message == f"{file} has too many patterns"  # noqa: PT017
    else:
        assert not any(wanted(path) for path in PATHS)
    assert time.process_time() - started < 3


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/".join(["**/a"] * 8), "has more than 3 '**'"),
        ("a" * 501, "is longer than 500 characters"),
        ("[z-a]", "is no pattern"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, file: str, line: str, why: str) -> None:
    with pytest.raises(BuildError) as refused:
        ignored(tmp_path, file, f"# a note\nlog\n{line}\n")
    assert refused.value.message == f"{file}, line 3 {why}"
    assert refused.value.hint


@pytest.mark.parametrize("file", FILES)
def test_too_much_is_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(BuildError, match=f"{file}, line 1001 is beyond the 1000 lines"):
        ignored(tmp_path, file, "a\n" * 1001)
    with pytest.raises(BuildError, match=f"{file} is larger than 64 KB"):
        ignored(tmp_path, file, "a" * 70_000)


@pytest.mark.parametrize(
    ("patterns", "out", "wanted"),
    [
        ("node_modules", "node_modules/x", "web/node_modules/x"),
        ("**/node_modules\n!a", "web/one/node_modules/x", "a/b"),
        ("*.log\n!keep.log", "a.log", "keep.log"),
        ("*.log", "a.log", "log/a.log"),
        ("log/*.l?g", "log/a.log", "log/old/a.log"),
        ("/log/\r\n./tmp", "tmp/x", "x/log"),
        ("log\n!log/keep", "log/a", "log/keep"),
        ("README*", "README.md", "readme.md"),
        ("*", "a/b", ".dockerignore"),
    ],
)
def test_docker_patterns_are_read_as_docker_does(
    tmp_path: Path, patterns: str, out: str, wanted: str
) -> None:
    found = ignored(tmp_path, ".dockerignore", patterns)
    assert found(out)
    assert not found(wanted)


def test_a_name_that_is_not_utf8_is_matched(tmp_path: Path) -> None:
    name = b"caf\xe9.log".decode(errors="surrogateescape")
    assert ignored(tmp_path, ".dockerignore", "*.log")(name)
    assert ignored(tmp_path, ".deployzeroignore", "*.log")(name)
