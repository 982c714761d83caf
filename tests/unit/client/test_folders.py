"""Which app a folder is: by its link, or by its git remote, in worktrees and submodules too."""

import subprocess
from pathlib import Path

import pytest

from deployzero.client import folders
from deployzero.client.accounts import Account, Config, Link
from deployzero.client.folders import Place
from deployzero.client.remote import Remote, find_remote, parse_remote

URL = "ssh://deployzero@my.host:2222/hello"
REMOTE = Remote(URL, "my.host", 2222, "hello")
CONFIG = Config(
    {
        "https://api.my.host": Account("https://api.my.host", "k", "ana", "my.host:2222"),
        "http://127.0.0.1:8081": Account("http://127.0.0.1:8081", "k", "ana", "localhost:2223"),
    }
)


def git(folder: Path, *words: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(folder: Path) -> Path:
    git(folder, "init", "-q")
    git(folder, "remote", "add", "deployzero", URL)
    (folder / "sub").mkdir()
    return folder


@pytest.mark.parametrize(
    ("url", "host", "port", "app"),
    [
        (URL, "my.host", 2222, "hello"),
        ("ssh://My.host/hello.git", "my.host", 22, "hello"),
        ("deployzero@my.host:hello", "my.host", 22, "hello"),
        ("ssh://deployzero@[::1]:2222/hello", "::1", 2222, "hello"),
    ],
)
def test_a_remote_names_host_port_and_app(url: str, host: str, port: int, app: str) -> None:
    assert parse_remote(url) == Remote(url, host, port, app)


@pytest.mark.parametrize(
    "url", ["", "https://x/hello", "/srv/git", "ssh://x/a/b", "ssh://x:y/a", "ssh://h/../x", "a:"]
)
def test_other_remotes_are_none_of_ours(url: str) -> None:
    assert parse_remote(url) is None


def test_the_remote_tells_server_and_app(repository: Path) -> None:
    for each in (repository, repository / "sub"):
        assert folders.find(CONFIG, each) == Place(
            repository, "hello", "https://api.my.host", REMOTE
        )


def test_the_remote_of_a_server_where_nobody_has_signed_in_names_none(repository: Path) -> None:
    assert folders.find(Config(), repository) == Place(repository, "hello", None, REMOTE)


def test_this_machines_names_are_the_same_server(repository: Path) -> None:
    git(repository, "remote", "set-url", "deployzero", "ssh://x@127.0.0.1:2223/hello")
    found = folders.find(CONFIG, repository)
    assert found is not None
    assert found.server == "http://127.0.0.1:8081"
    git(repository, "remote", "set-url", "deployzero", "ssh://x@127.0.0.1:2224/hello")
    found = folders.find(CONFIG, repository)
    assert found is not None
    assert found.server is None


def test_a_link_goes_before_the_remote_and_holds_for_folders_below(repository: Path) -> None:
    config = Config(CONFIG.accounts, {str(repository): Link("http://127.0.0.1:8081", "other")})
    found = Place(repository, "other", "http://127.0.0.1:8081")
    assert folders.find(config, repository) == found
    assert folders.find(config, repository / "sub") == found


def test_a_link_above_the_repository_is_not_this_folders(repository: Path) -> None:
    git(repository, "remote", "remove", "deployzero")
    config = Config({}, {str(repository.parent): Link("http://127.0.0.1:8081", "other")})
    assert folders.find(config, repository / "sub") is None


def test_without_git_only_the_folder_itself_is_looked_at(folder: Path) -> None:
    (folder / "sub").mkdir()
    config = Config({}, {str(folder): Link("https://x", "hello")})
    assert folders.find(config, folder) == Place(folder, "hello", "https://x")
    assert folders.find(config, folder / "sub") is None


@pytest.mark.parametrize("git_is_there", [True, False])
def test_worktrees_and_submodules_know_their_remote(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git_is_there: bool
) -> None:
    (repository / "a.py").write_text("")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "x")
    git(repository, "worktree", "add", "-q", str(tmp_path / "tree"))
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository), "in")
    git(outer / "in", "remote", "add", "deployzero", URL)
    if not git_is_there:
        monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    for each in (repository, tmp_path / "tree", outer / "in"):
        assert find_remote(each) == REMOTE
    assert find_remote(outer) is None
