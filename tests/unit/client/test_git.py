"""What git tells of a folder whose config was written by who knows whom."""

import os
import subprocess
from pathlib import Path

import pytest

from deployzero.client import git
from deployzero.client.remote import find_remote
from deployzero.client.selection import select

BY = ("-c", "user.name=x", "-c", "user.email=x@example.org")


def call(folder: Path, *words: str, given: bytes = b"") -> str:
    done = subprocess.run(["git", *BY, *words], cwd=folder, input=given, capture_output=True)
    return done.stdout.decode()


@pytest.fixture
def repository(folder: Path) -> Path:
    (folder / "app.py").write_text("x = 1\n")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "Make it\n\nThe rest")):
        call(folder, *words)
    return folder


def test_the_last_commits_subject_is_told_if_the_folder_has_one(repository: Path) -> None:
    (repository / "new").mkdir()
    assert git.subject(repository) == "Make it"
    assert git.subject(repository / "new") == ""
    assert git.subject(repository.parent) == ""


def test_no_program_of_the_folders_config_runs(repository: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {ran}\n')
    program.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "post-index-change").symlink_to(program)
    (repository / ".gitattributes").write_text("* filter=own\n")
    (repository / ".gitignore").write_text("app.py\n")
    call(repository, "add", ".gitattributes", ".gitignore")
    signed = call(repository, "cat-file", "commit", "HEAD").replace(
        "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----\n\n", 1
    )
    commit = call(
        repository, "hash-object", "-t", "commit", "-w", "--stdin", given=signed.encode()
    ).strip()
    call(repository, "reset", "-q", "--soft", commit)
    call(repository, "remote", "add", "deployzero", "ssh://deployzero@my.host:2222/hello")
    for name, value in {
        "core.fsmonitor": program,
        "core.hooksPath": hooks,
        "core.pager": program,
        "core.sshCommand": program,
        "filter.own.clean": program,
        "gpg.program": program,
        "log.showSignature": "true",
    }.items():
        call(repository, "config", name, str(value))
    os.utime(repository / "app.py", (0, 0))

    assert [each.path for each in select(repository).files]
    assert git.subject(repository) == "Make it"
    remote = find_remote(repository)
    assert remote is not None
    assert remote.app == "hello"
    assert not ran.exists(), ran.read_text()
    call(repository, "status")
    call(repository, "log")
    assert {"--status-fd=1", "2"} <= set(ran.read_text().split())  # they would have run


def test_nothing_that_a_partial_clone_lacks_is_fetched(repository: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::touch {ran}",
        "protocol.ext.allow": "always",
    }.items():
        call(repository, "config", name, value)
    tree = call(repository, "rev-parse", "HEAD^{tree}").strip()
    (repository / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    git.subject(repository)
    assert not ran.exists()
    call(repository, "log", "--", ".")
    assert ran.exists()  # it would have been
