"""Ignore files are read as git reads them: the same tree, the same list of files."""

import random
import subprocess
from pathlib import Path

import pytest

from deployzero.client.ignoring import read
from deployzero.client.selection import select

NAMES = ["a", "b", "ab", "a.c", "b.c", "c d", "[x]", "x]", "é", ".h", "-", "z", "node"]
ATOMS = [
    "a", "b", "c", "*", "**", "?", "/", "/", "!", "[ab]", "[!a]", "[^b-z]", "[]x]", "\\", "[a",
    "[[:alpha:]]", "[z-a]", " ", "é", ".c", "x", "-", "[\\]x]", "[[:foo:]]", "[a-]", "**/", "/**",
    "***", "#", "[[:alpha:]x]", "[[:x]", "[--z]",
]  # fmt: skip


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=/dev/null", *words],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return done.stdout.decode()


def listed(folder: Path) -> set[str]:
    found = git(folder, "ls-files", "-zco", "--exclude-standard").split("\0")
    return {each for each in found if each}


def selected(folder: Path) -> set[str]:
    return {each.path for each in select(folder).files}


def random_tree(folder: Path, chance: random.Random) -> None:
    folders = [folder]
    for _ in range(chance.randint(1, 6)):
        made = chance.choice(folders) / chance.choice(NAMES)
        if not made.exists():
            made.mkdir()
            folders.append(made)
    for each in folders:
        for _ in range(chance.randint(1, 6)):
            if not (file := each / chance.choice(NAMES)).exists():
                file.write_text("")
        if each == folder or chance.random() < 0.4:
            patterns = (random_pattern(chance) for _ in range(chance.randint(1, 4)))
            text = "\n".join(patterns) + chance.choice(["", "\n", "\r\n"])
            (each / ".gitignore").write_text(text)


def random_pattern(chance: random.Random) -> str:
    pattern = "".join(chance.choice(ATOMS) for _ in range(chance.randint(1, 4)))
    return "!" * (chance.random() < 0.3) + pattern + "/" * (chance.random() < 0.2)


@pytest.mark.parametrize("seed", range(40))
def test_random_trees_read_as_git_reads_them(tmp_path: Path, seed: int) -> None:
    git(tmp_path, "init", "-q")
    random_tree(tmp_path, random.Random(seed))
    rules = {str(each): each.read_text() for each in tmp_path.rglob(".gitignore")}
    assert selected(tmp_path) == listed(tmp_path), rules


def test_a_tree_with_nested_rules_reads_as_git_reads_it(tmp_path: Path) -> None:
    files = {
        ".gitignore": "*.log\n/dist/\nbuild/*\n!build/keep.txt\nlogs/\n*\\ \n"
        "!important.log\ndoc/**/x\n",
        "web/.gitignore": "!debug.log\n*.css\n!/site.css\n",
        "white/.gitignore": "*\n!*/\n!*.py\n!.gitignore\n",
        "app.py": "", "a.log": "", "important.log": "", "end ": "", "dist/x": "", "web/dist/x": "",
        "build/a": "", "build/keep.txt": "", "web/debug.log": "", "web/a.css": "",
        "web/site.css": "", "web/deep/site.css": "", "logs/important.log": "", "web/logs": "",
        "doc/x": "", "doc/a/b/x": "", "white/a.py": "", "white/a.txt": "", "white/b/c.py": "",
        "white/b/c.txt": "",
    }  # fmt: skip
    git(tmp_path, "init", "-q")
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".git/info/exclude").write_text("app.py.bak\n")
    (tmp_path / "app.py.bak").write_text("")
    (tmp_path / "dist/forced").write_text("")
    git(tmp_path, "add", "--force", "dist/forced")
    found = selected(tmp_path)
    assert found == listed(tmp_path)
    assert {"dist/forced", "build/keep.txt", "white/b/c.py", "web/debug.log"} <= found
    assert not {"app.py.bak", "dist/x", "white/b/c.txt", "logs/important.log"} & found

    part = tmp_path / "web"
    assert selected(part) == listed(part)  # by the rules above it


def test_a_byte_order_mark_and_carriage_returns_are_no_part_of_a_pattern() -> None:
    patterns = read(b"\xef\xbb\xbfa\r\nb\r\n")
    assert patterns.ignores("a", False)
    assert patterns.ignores("b", False)
    assert patterns.ignores("c", False) is None
