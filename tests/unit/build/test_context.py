import io
import os
import tarfile
import time
from pathlib import Path

import pytest

from deployzero.build.context import write_generated, write_own
from deployzero.models.project import ProjectConfig

PYTHON = ProjectConfig("python", install_files=("requirements.txt",))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("app.py", "requirements.txt", "pkg/a.py", ".git/config", "secret/x", "log/a.log"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path


def opened(buffer: io.BytesIO) -> tarfile.TarFile:
    return tarfile.TarFile(fileobj=buffer)


def names(tree: Path, config: ProjectConfig = PYTHON) -> set[str]:
    buffer = io.BytesIO()
    write_generated(buffer, tree, config, {"Dockerfile": "FROM x"})
    return {m.name for m in tarfile.open(fileobj=buffer) if not m.isdir()}


def test_the_source_and_its_install_files_lie_apart(tree: Path) -> None:
    assert names(tree) == {
        "Dockerfile", "src/app.py", "src/requirements.txt", "deps/requirements.txt",
        "src/pkg/a.py", "src/secret/x", "src/log/a.log",
    }  # fmt: skip


def test_an_install_file_that_is_a_link_is_the_file_that_it_leads_to(tree: Path) -> None:
    (tree / "requirements.txt").unlink()
    (tree / "requirements.txt").symlink_to("pkg/a.py")
    buffer = io.BytesIO()
    write_generated(buffer, tree, PYTHON, {})
    archive = opened(buffer)
    assert archive.getmember("src/requirements.txt").issym()
    content = archive.extractfile("deps/requirements.txt")
    assert content is not None
    assert content.read() == b"pkg/a.py"


def test_what_is_ignored_is_left_out_but_never_an_install_file(tree: Path) -> None:
    (tree / ".deployzeroignore").write_text("# a note\n/secret/\n*.log\n!keep.log\n")
    (tree / ".dockerignore").write_text("pkg\nrequirements.txt\n")
    (tree / "log/keep.log").write_text("")
    found = names(tree)
    assert not {n for n in found if n.startswith(("src/secret", "src/pkg"))}
    assert {"src/log/keep.log", "src/requirements.txt", "deps/requirements.txt"} <= found
    assert "src/log/a.log" not in found


def test_an_exception_below_an_ignored_folder_is_kept(tree: Path) -> None:
    (tree / ".dockerignore").write_text("*\n!pkg/a.py\n")
    assert "src/pkg/a.py" in names(tree)
    assert "src/app.py" not in names(tree)


def test_reading_the_tree_ends_at_the_deadline(tree: Path) -> None:
    (tree / ".dockerignore").write_text("*")  # nothing is written that could fail instead
    with pytest.raises(TimeoutError):
        write_generated(io.BytesIO(), tree, PYTHON, {}, deadline=time.monotonic() - 1)


def test_links_stay_links_and_are_not_followed(tree: Path) -> None:
    (tree / "out").symlink_to("/etc")
    buffer = io.BytesIO()
    write_generated(buffer, tree, PYTHON, {})
    archive = opened(buffer)
    assert archive.getmember("src/out").issym()
    assert not [n for n in archive.getnames() if n.startswith("src/out/")]


def test_owners_and_umask_make_no_difference(tree: Path) -> None:
    (tree / "app.py").chmod(0o600)
    (tree / "pkg/a.py").chmod(0o700)
    (tree / "pkg").chmod(0o700)
    os.mkfifo(tree / "pipe")
    buffer = io.BytesIO()
    write_generated(buffer, tree, PYTHON, {})
    modes = {m.name: (m.mode, m.uid, m.uname) for m in opened(buffer)}
    assert modes["src/app.py"] == (0o644, 0, "")
    assert modes["src/pkg/a.py"] == modes["src/pkg"] == (0o755, 0, "")
    assert "src/pipe" not in modes


def test_what_the_install_step_makes_is_not_covered_by_what_was_committed(tree: Path) -> None:
    (tree / "node_modules").mkdir()
    (tree / "node_modules/x.js").write_text("")
    node = ProjectConfig("nodejs", install_command="npm ci")
    assert "src/node_modules/x.js" not in names(tree, node)
    assert "src/node_modules/x.js" in names(tree, ProjectConfig("nodejs"))


def test_an_own_dockerfile_is_in_its_place_and_the_tree_is_not_written(tree: Path) -> None:
    (tree / "Dockerfile").write_text("FROM a")
    buffer = io.BytesIO()
    write_own(buffer, tree, ProjectConfig("dockerfile", dockerfile="Dockerfile"), "FROM b")
    archive = opened(buffer)
    assert archive.getnames().count("Dockerfile") == 1
    content = archive.extractfile("Dockerfile")
    assert content is not None
    assert content.read() == b"FROM b"
    assert (tree / "Dockerfile").read_text() == "FROM a"
    assert "app.py" in archive.getnames()
    assert not [n for n in archive.getnames() if n.startswith(".git")]
