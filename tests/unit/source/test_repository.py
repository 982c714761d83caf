"""Bare repositories and their one branch."""

import asyncio
import re

import pytest
from dulwich.objects import Blob, Commit, Tree

from deployzero.errors import ConflictError, SourceError
from deployzero.source.repository import INCOMING, Repositories


@pytest.fixture
def repositories(tmp_path):
    made = Repositories(tmp_path / "repositories")
    yield made
    made.close()


def chain(repositories, count, app="hello", parent=None, note=""):
    """Commits, each the child of the one before; returns their ids."""
    made = []
    with repositories.open(app) as repo:
        blob, tree = Blob.from_string(note.encode()), Tree()
        tree.add(b"f", 0o100644, blob.id)
        repo.object_store.add_object(blob)
        repo.object_store.add_object(tree)
        for number in range(count):
            commit = Commit()
            commit.tree = tree.id
            commit.parents = [parent.encode()] if parent else []
            commit.author = commit.committer = b"A <a@example.org>"
            commit.author_time = commit.commit_time = 1000 + number
            commit.author_timezone = commit.commit_timezone = 0
            commit.message = f"{note}{number}".encode()
            repo.object_store.add_object(commit)
            parent = commit.id.decode()
            made.append(parent)
    return made


def branch(repositories):
    with repositories.open("hello") as repo:
        found = repo.refs.as_dict().get(b"refs/heads/main")
    return found and found.decode()


async def test_branch_follows_what_is_live_and_goes(repositories):
    one, two = chain(repositories, 2)
    assert branch(repositories) is None
    await repositories.set_branch("hello", "main", one)
    await repositories.set_branch("hello", "main", two)
    assert branch(repositories) == two
    await repositories.set_branch("hello", "main", one)
    assert branch(repositories) == one
    await repositories.set_branch("hello", "main", None)
    await repositories.set_branch("hello", "main", None)
    assert branch(repositories) is None


async def test_head_names_the_deploy_branch(repositories):
    (one,) = chain(repositories, 1)
    await repositories.set_branch("hello", "master", one)
    head = repositories.path("hello") / "HEAD"
    assert head.read_text().strip() == "ref: refs/heads/master"


async def test_locked_branch_is_an_error_not_a_silence(repositories):
    (one,) = chain(repositories, 1)
    lock = repositories.path("hello") / "refs/heads/main.lock"
    lock.touch()
    with pytest.raises(ConflictError, match="cannot move"):
        await repositories.set_branch("hello", "main", one)
    assert branch(repositories) is None


async def test_many_at_once_end_with_one_of_them(repositories):
    commits = chain(repositories, 8)
    results = await asyncio.gather(
        *(repositories.set_branch("hello", "main", c) for c in commits), return_exceptions=True
    )
    assert None in results
    assert all(r is None or isinstance(r, ConflictError) for r in results)
    assert branch(repositories) in commits


def test_ancestry(repositories):
    one, two, three = chain(repositories, 3)
    (other,) = chain(repositories, 1, parent=one, note="other")
    assert repositories.is_ancestor("hello", one, three)
    assert repositories.is_ancestor("hello", two, two)
    assert not repositories.is_ancestor("hello", three, one)
    assert not repositories.is_ancestor("hello", two, other)
    assert not repositories.is_ancestor("hello", "1" * 40, three)


def test_names_never_lead_out(repositories):
    for name in ("..", "../x", "a/b", "", "hello\n"):
        with pytest.raises(SourceError):
            repositories.path(name)


def test_half_received_packs_are_cleaned_at_start(repositories):
    chain(repositories, 1)
    half = repositories.path("hello") / "objects" / f"{INCOMING}x"
    (half / "pack").mkdir(parents=True)
    repositories.clean()
    assert not half.exists()
    assert re.fullmatch(r"[0-9a-f]{2}", next(half.parent.glob("??")).name)
