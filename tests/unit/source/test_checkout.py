"""What a checkout writes, and the trees that it refuses."""

import os
import stat
import time

import pytest
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.repo import Repo

from deployzero.errors import ResourceLimitError, SourceError
from deployzero.source.checkout import checkout
from deployzero.source.tree import Limits


@pytest.fixture
def repo(tmp_path):
    with Repo.init_bare(str(tmp_path / "app.git"), mkdir=True) as repo:
        yield repo


def add(repo, entries):
    """A tree of (name, mode, content | list of entries), bad ones too; returns its id."""
    tree = Tree()
    raw = []
    for name, mode, content in entries:
        if isinstance(content, list):
            oid = add(repo, content)
        elif mode == 0o160000:
            oid = content
        else:
            blob = Blob.from_string(content)
            repo.object_store.add_object(blob)
            oid = blob.id
        raw.append(b"%o %s\0%s" % (mode, name, bytes.fromhex(oid.decode())))
    tree.set_raw_string(b"".join(raw))
    repo.object_store.add_object(tree)
    return tree.id


def commit(repo, entries):
    return commit_tree(repo, add(repo, entries))


def commit_tree(repo, tree):
    made = Commit()
    made.tree = tree
    made.author = made.committer = b"A <a@example.org>"
    made.author_time = made.commit_time = made.author_timezone = made.commit_timezone = 0
    made.message = b"m"
    repo.object_store.add_object(made)
    return made.id.decode()


def refused(repo, tmp_path, entries, limits=None):
    into = tmp_path / "out"
    with pytest.raises(SourceError) as caught:
        checkout(repo, commit(repo, entries), into, limits or Limits())
    assert not into.exists()
    return caught.value.message


FILE = 0o100644


def test_files_folders_links_and_modes(repo, tmp_path):
    oid = commit(
        repo,
        [
            (b"a", FILE, b"one"),
            (b"caf\xe9", FILE, b"latin"),
            (b"d", 0o40000, [(b"run", 0o100755, b"#!"), (b"up", 0o120000, b"../a")]),
            (b"e", 0o40000, []),
            (b"l", 0o120000, b"d/up"),
        ],
    )
    old = os.umask(0o077)
    try:
        checkout(repo, oid, tmp_path / "deep/out")
    finally:
        os.umask(old)
    out = tmp_path / "deep/out"
    assert (out / "a").read_bytes() == b"one"
    assert stat.S_IMODE((out / "a").stat().st_mode) == 0o644
    assert stat.S_IMODE((out / "d/run").stat().st_mode) == 0o755
    assert (out / "l").read_bytes() == b"one"
    assert os.path.exists(os.fsencode(out) + b"/caf\xe9")
    assert (out / "e").is_dir()


@pytest.mark.parametrize(
    "target",
    [
        b"/etc/passwd",
        b"..",
        b"../x",
        b"d/../../x",
        b"root/..",
        b"root/../../x",
        b"chain/..",
        b"",
        b"self",
        b"abs/x",
    ],
)
def test_links_that_lead_out(repo, tmp_path, target):
    entries = [
        (b"abs", 0o120000, b"/"),
        (b"chain", 0o120000, b"root"),
        (b"d", 0o40000, [(b"x", FILE, b"")]),
        (b"root", 0o120000, b"."),
        (b"self", 0o120000, target),
    ]
    if target != b"abs/x":
        entries = entries[1:]
    message = refused(repo, tmp_path, entries)
    assert "symbolic link" in message
    assert ("abs" if target == b"abs/x" else "self") in message


def test_a_virtual_environment_that_was_committed_is_told_as_one(repo, tmp_path):
    python = [(b"python", 0o120000, b"/usr/bin/python3")]
    entries = [(b".venv", 0o40000, [(b"bin", 0o40000, python)])]
    with pytest.raises(SourceError) as raised:
        checkout(repo, commit(repo, entries), tmp_path / "out")
    assert "git rm -r --cached .venv," in raised.value.hint


def test_link_below_a_folder_may_go_up_inside(repo, tmp_path):
    entries = [(b"a", FILE, b"1"), (b"d", 0o40000, [(b"l", 0o120000, b"../d/./../a")])]
    checkout(repo, commit(repo, entries), tmp_path / "out")
    assert (tmp_path / "out/d/l").read_bytes() == b"1"


@pytest.mark.parametrize(
    "name",
    [
        *(b".git", b".GIT", b".Git", b"git~1", b"GIT~1", b".git.", b".git ", b".git::$INDEX"),
        *(b".g\xe2\x80\x8cit", b".gi\xef\xbb\xbft", b"x\\.git", b"..", b"."),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_names_of_gits_own(repo, tmp_path, name, inside):
    entries = [(name, 0o40000, [(b"config", FILE, b"x")])]
    if inside:
        entries = [(b"d", 0o40000, entries)]
    message = refused(repo, tmp_path, entries)
    assert "git's own" in message or "is not a path" in message


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (b"File", b"file"),
        (b"a", b"a"),
        ("é".encode(), "e\u0301".encode()),
        ("ß".encode(), b"ss"),
    ],
)
def test_names_that_differ_only_by_case(repo, tmp_path, one, two):
    message = refused(repo, tmp_path, [(one, FILE, b"1"), (two, FILE, b"2")])
    assert "differ only by case" in message


def test_a_link_and_a_folder_of_one_name(repo, tmp_path):
    entries = [(b"d", 0o120000, b"/tmp"), (b"d", 0o40000, [(b"x", FILE, b"")])]
    assert "differ only" in refused(repo, tmp_path, entries)


def test_slashes_and_unknown_modes(repo, tmp_path):
    assert "not a path" in refused(repo, tmp_path, [(b"a/b", FILE, b"")])
    assert "unknown mode" in refused(repo, tmp_path, [(b"pipe", 0o010644, b"")])


def test_submodules_are_all_named(repo, tmp_path):
    entries = [(b"lib%d" % n, 0o160000, b"1" * 40) for n in range(7)]
    message = refused(repo, tmp_path, entries)
    assert "lib0, lib1, lib2, lib3, lib4 and 2 more" in message


def test_pointers_are_refused_and_their_mention_is_not(repo, tmp_path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    assert "m.bin" in refused(repo, tmp_path, [(b"m.bin", FILE, pointer)])
    checkout(repo, commit(repo, [(b"doc", FILE, b"see\n" + pointer)]), tmp_path / "out")


def test_limits_on_files_and_bytes(repo, tmp_path):
    entries = [(b"f%d" % n, FILE, b"x" * 100) for n in range(20)]
    assert "more than 10 files" in refused(repo, tmp_path, entries, Limits(files=10))
    assert "larger than" in refused(repo, tmp_path, entries, Limits(bytes=1000))
    deep = [(b"x" * 200, 0o40000, [(b"y" * 200, FILE, b"")])]
    assert "path longer" in refused(repo, tmp_path, deep, Limits(path=300))
    assert "longer than 255" in refused(repo, tmp_path, [(b"x" * 256, FILE, b"")])


def test_a_bomb_of_folders_ends_at_the_limit(repo, tmp_path):
    tree = add(repo, [(b"f%d" % n, FILE, b"") for n in range(10)])
    for _ in range(10):
        made = Tree()
        for n in range(10):
            made.add(b"d%d" % n, 0o40000, tree)
        repo.object_store.add_object(made)
        tree = made.id
    bomb = commit_tree(repo, tree)
    with pytest.raises(SourceError, match="more than 5,000 files"):
        checkout(repo, bomb, tmp_path / "out", Limits(files=5000))


def test_missing_objects_are_named(repo, tmp_path):
    made = Tree()
    made.add(b"gone", FILE, ObjectID(b"1" * 40))
    repo.object_store.add_object(made)
    head = commit_tree(repo, made.id)
    with pytest.raises(SourceError, match="gone is missing"):
        checkout(repo, head, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(SourceError, match="there is no commit"):
        checkout(repo, "2" * 40, tmp_path / "out")


def test_a_full_disk_is_named_and_leaves_nothing(repo, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    oid = commit(repo, [(b"a", FILE, b"x")])
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ResourceLimitError, match="No space left on device"):
        checkout(repo, oid, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_small_app_takes_next_to_no_time(repo, tmp_path):
    oid = commit(repo, [(b"f%d" % n, FILE, b"x" * 500) for n in range(50)])
    begin = time.monotonic()
    checkout(repo, oid, tmp_path / "out")
    assert time.monotonic() - begin < 0.2
