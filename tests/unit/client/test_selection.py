"""What of a folder is deployed, and what never is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from deployzero.client.selection import select
from deployzero.errors import DeployZeroException

Tree = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x")
        return tmp_path

    return make


def paths(folder: Path, *include: str) -> list[str]:
    return [each.path for each in select(folder, include).files]


def test_what_is_never_deployed_stays_unless_it_is_told(tree: Tree) -> None:
    folder = tree(
        ".git/config", ".hg/x", ".svn/x", "sub/.git", "node_modules/a/b.js", "__pycache__/a.pyc",
        ".env", ".env.production", ".env.example", ".env.local.sample", "api/.env", ".DS_Store",
        "env/pyvenv.cfg", "env/lib/x.py", "app.py", "envs/x",
    )  # fmt: skip
    assert paths(folder) == [".env.example", ".env.local.sample", "app.py", "envs/x"]
    found = select(folder)
    assert found.secrets == [".env", ".env.production", "api/.env"]
    assert dict(found.left_out) == {
        ".env": 3, "node_modules": 1, "__pycache__": 1, ".DS_Store": 1, "a virtual environment": 1,
    }  # fmt: skip
    assert "node_modules/a/b.js" in paths(folder, "node_modules")
    assert "node_modules/a/b.js" in paths(folder, "node_modules/a/*.js")
    assert ".env.production" in paths(folder, ".env.production")
    assert ".env" not in paths(folder, ".env.production")
    assert not any(".git" in path for path in paths(folder, ".git", ".git/**", "**"))


def test_names_of_secrets_are_found_and_public_halves_are_not(tree: Tree) -> None:
    secret = ["a/b.PEM", "credentials.json", "id_rsa", "secret.key", "service-account-x.json"]
    folder = tree(*secret, "id_rsa.pub", "keys.py", "ignored.key", "app.py")
    (folder / ".gitignore").write_text("ignored.key\n")
    assert select(folder).like_secrets() == secret


def test_an_ignored_file_is_taken_by_its_path(tree: Tree) -> None:
    folder = tree("dist/js/app.js", "dist/js/app.map", "dist/x/y.js", "a.py")
    (folder / ".gitignore").write_text("dist/\n*.map\n")
    assert paths(folder) == [".gitignore", "a.py"]
    assert paths(folder, "dist/js/app.js") == [".gitignore", "a.py", "dist/js/app.js"]
    assert "dist/js/app.map" in paths(folder, "dist")
    assert paths(folder, "dist/**/*.js")[-2:] == ["dist/js/app.js", "dist/x/y.js"]


def test_our_own_file_goes_before_gitignore(tree: Tree) -> None:
    folder = tree("dist/app.js", "docs/a.md", "a.py")
    (folder / ".gitignore").write_text("/dist/\n")
    (folder / ".deployzeroignore").write_text("!/dist/\n/docs/\n")
    assert paths(folder) == [".deployzeroignore", ".gitignore", "a.py", "dist/app.js"]


def test_a_folder_that_is_ignored_itself_is_deployed_when_it_is_named(tree: Tree) -> None:
    folder = tree(".git/HEAD", "public/index.html")
    (folder / ".gitignore").write_text("public/\n")
    assert paths(folder / "public") == ["index.html"]


def test_links_stay_links_and_may_not_lead_out(tree: Tree) -> None:
    folder = tree("a/real")
    (folder / "a/link").symlink_to("../a/real")
    (folder / "folder").symlink_to("a")
    assert [(each.path, each.target) for each in select(folder).files] == [
        ("a/link", "../a/real"), ("a/real", None), ("folder", "a"),
    ]  # fmt: skip
    for target in ("../outside", "a/../../x", "/etc/passwd", ".."):
        (folder / "bad").symlink_to(target)
        with pytest.raises(DeployZeroException, match="bad leads out of the folder") as error:
            select(folder)
        assert ".deployzeroignore" in error.value.hint
        (folder / "bad").unlink()


def test_what_is_no_file_is_told_and_skipped(tree: Tree) -> None:
    folder = tree("a.py")
    os.mkfifo(folder / "pipe")
    found = select(folder)
    assert found.skipped == ["pipe"]
    assert [each.path for each in found.files] == ["a.py"]


def test_a_name_that_is_not_utf_8_is_named(tree: Tree) -> None:
    folder = tree("a.py")
    Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff")).write_text("")
    with pytest.raises(DeployZeroException, match="not UTF-8"):
        select(folder)


def test_a_folder_that_cannot_be_read_is_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, scandir = tree("closed/a.py"), os.scandir

    def refuses(path: Path) -> object:  # whoever tests may be root, who reads all
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr("os.scandir", refuses)
        with pytest.raises(DeployZeroException, match="cannot read closed/: Permission denied"):
            select(folder)


def test_the_largest_entries_are_told(tree: Tree) -> None:
    folder = tree("small", "data/a", "data/b")
    (folder / "data/a").write_bytes(bytes(1000))
    assert select(folder).largest(2) == [("data/", 1001, 2), ("small", 1, 1)]


def test_ignored_folders_are_not_entered(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, scandir, entered = tree("big/deep/a", "kept/a"), os.scandir, []

    def counts(path: Path) -> object:
        entered.append(Path(path).name)
        return scandir(path)

    (folder / ".gitignore").write_text("big/\n")
    with monkeypatch.context() as patch:
        patch.setattr("os.scandir", counts)
        assert paths(folder) == [".gitignore", "kept/a"]
    assert entered == [folder.name, "kept"]
