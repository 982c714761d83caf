"""What becomes a commit out of an archive, and what is refused with nothing left behind."""

import bz2
import gzip
import io
import lzma
import os
import stat
import subprocess
import tarfile
import tracemalloc
import zipfile

import pytest
from dulwich.repo import Repo

from deployzero.errors import ArchiveError, ArchiveTooLargeError
from deployzero.source import archive_entries
from deployzero.source.archive import commit_archive
from deployzero.source.archive_entries import ArchiveLimits
from deployzero.source.channel import ClientGoneError
from deployzero.source.checkout import checkout

DIR, LINK, HARD = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.fixture
def repo(tmp_path):
    with Repo.init_bare(str(tmp_path / "app.git"), mkdir=True, default_branch=b"main") as repo:
        yield repo


def tar(*entries, format=tarfile.PAX_FORMAT):
    """Entries of (name, content or link's target, mode, type)."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=format) as archive:
        for name, content, mode, kind in (each + (0o644, tarfile.REGTYPE)[len(each) - 2 :]
                                          for each in entries):  # fmt: skip
            info = tarfile.TarInfo(name)
            info.mode, info.type = mode, kind
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content
                archive.addfile(info)
    return made.getvalue()


def zipped(*entries, method=zipfile.ZIP_DEFLATED):
    """Entries of (name, content, Unix mode with its kind)."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content, mode in (each + (stat.S_IFREG | 0o644,)[len(each) - 2 :]
                                    for each in entries):  # fmt: skip
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, mode << 16
            info.compress_type = method
            archive.writestr(info, content)
    return made.getvalue()


def commit(repo, data, limits=None, parent=None, cancelled=lambda: False):
    return commit_archive(
        repo, io.BytesIO(data), parent=parent, author="Alice <alice@example.org>",
        message="Version 2", limits=limits or ArchiveLimits(), cancelled=cancelled,
    )  # fmt: skip


def files(repo, oid):
    """Path to (mode, content)."""
    done = subprocess.run(
        ["git", "ls-tree", "-r", "-z", "--full-tree", oid],
        cwd=repo.path, check=True, capture_output=True,
    )  # fmt: skip
    found = {}
    for line in done.stdout.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, _, blob = head.split()
        found[path.decode()] = (mode.decode(), repo[blob].data)
    return found


def everything_in(repo):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(repo.path) for name in names)


def refused(repo, data, limits=None, error=ArchiveError):
    before = everything_in(repo)
    with pytest.raises(error) as caught:
        commit(repo, data, limits)
    assert everything_in(repo) == before
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value.message


APP = tar(
    ("app", "", 0o755, DIR),
    ("app/main.py", b"print()"),
    ("app/bin/run", b"#!/bin/sh", 0o755),
    ("app/current", "bin/run", 0o777, LINK),
    ("app/copy", "app/bin/run", 0o644, HARD),
    ("app/empty", "", 0o755, DIR),
    ("app/" + "long/" * 30 + "grüße.txt", b"hi"),
)
EXPECTED = {
    "main.py": ("100644", b"print()"),
    "bin/run": ("100755", b"#!/bin/sh"),
    "current": ("120000", b"bin/run"),
    "copy": ("100755", b"#!/bin/sh"),
    "long/" * 30 + "grüße.txt": ("100644", b"hi"),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_tar_however_compressed_becomes_a_commit(repo, tmp_path, pack):
    oid = commit(repo, pack(APP))
    assert files(repo, oid) == EXPECTED
    checkout(repo, oid, tmp_path / "out")
    assert (tmp_path / "out/current").read_bytes() == b"#!/bin/sh"


def test_stock_git_finds_the_repository_in_order(repo):
    first = commit(repo, APP)
    second = commit(repo, tar(("main.py", b"print(2)")), parent=first)
    repo.refs[b"refs/heads/main"] = second.encode()
    done = subprocess.run(
        ["git", "fsck", "--strict", "--full"], cwd=repo.path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    log = subprocess.run(
        ["git", "log", "--format=%an %ae %s", "main"],
        cwd=repo.path, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert log == "Alice alice@example.org Version 2\n" * 2


def test_old_tar_formats_are_read(repo):
    long = "x" * 90 + "/" + "y" * 90
    for kind in (tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        assert files(repo, commit(repo, tar((long, b"1"), ("a", b"2"), format=kind))) == {
            long: ("100644", b"1"), "a": ("100644", b"2"),
        }  # fmt: skip


def test_what_stock_git_tar_and_zip_make_is_taken(repo, tmp_path):
    folder = tmp_path / "app"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/run").write_bytes(b"x" * 100_000)
    (folder / "sub/run").chmod(0o755)
    (folder / "link").symlink_to("sub/run")
    expected = {"sub/run": ("100755", b"x" * 100_000), "link": ("120000", b"sub/run")}
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=folder, check=True)
    subprocess.run([*git, "add", "-A"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-qm", "x"], cwd=folder, check=True)
    for command in (
        ["git", "archive", "--format=tar.gz", "HEAD"],
        ["git", "archive", "--format=zip", "--prefix=app/", "HEAD"],
        ["tar", "-cz", "--exclude=.git", "."],
        ["tar", "-cJ", "-C", "..", "--exclude=.git", "app"],
    ):
        made = subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout
        assert files(repo, commit(repo, made)) == expected, command


def test_a_zip_keeps_executables_and_links(repo):
    data = zipped(
        ("app/", b"", stat.S_IFDIR | 0o755),
        ("app/run", b"#!", stat.S_IFREG | 0o755),
        ("app/l", b"run", stat.S_IFLNK | 0o777),
        ("app/grüße", b"", stat.S_IFREG | 0o644),
    )
    assert files(repo, commit(repo, data)) == {
        "run": ("100755", b"#!"), "l": ("120000", b"run"), "grüße": ("100644", b""),
    }  # fmt: skip


def test_zip64_is_read(repo):
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w") as archive,
        archive.open("a", "w", force_zip64=True) as entry,
    ):
        entry.write(b"1")
    assert files(repo, commit(repo, made.getvalue())) == {"a": ("100644", b"1")}


def test_files_of_macos_are_dropped_before_the_top_folder_is_looked_for(repo):
    data = zipped(
        ("app/a", b"1"), ("app/.DS_Store", b"x"), ("__MACOSX/app/._a", b"x"), ("._app", b"x")
    )
    assert list(files(repo, commit(repo, data))) == ["a"]


def test_two_top_folders_stay(repo):
    assert list(files(repo, commit(repo, tar(("a/x", b""), ("b/y", b""))))) == ["a/x", "b/y"]


def test_the_same_content_again_takes_no_space(repo):
    content = os.urandom(1 << 20)
    first = commit(repo, tar(("a", content), ("b", content)))
    second = commit(repo, tar(("a", content), ("b", content)), parent=first)
    assert repo[first.encode()].tree == repo[second.encode()].tree
    assert repo[second.encode()].parents == [first.encode()]
    size = sum(os.path.getsize(path) for path in everything_in(repo) if path.endswith(".pack"))
    assert size < 1.1 * (1 << 20)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (("/etc/passwd", b""), "/etc/passwd is an absolute path"),
        (("C:/x", b""), "C:/x is an absolute path"),
        (("../x", b""), "../x leads out"),
        (("a/../../x", b""), "a/../../x leads out"),
        (("l", "/etc/passwd", 0o777, LINK), "l -> /etc/passwd"),
        (("d/l", "../../x", 0o777, LINK), "d/l -> ../../x"),
        (("h", "/etc/passwd", 0o644, HARD), "/etc/passwd is an absolute path"),
        (("h", "../x", 0o644, HARD), "../x leads out"),
        (("h", "nothing", 0o644, HARD), "h is a hard link to nothing"),
        (("p", "", 0o644, tarfile.FIFOTYPE), "p is a device, a pipe"),
        (("dev", "", 0o644, tarfile.CHRTYPE), "dev is a device"),
        (("dev", "", 0o644, tarfile.BLKTYPE), "dev is a device"),
        (("su", b"", 0o4755), "su has a set-uid"),
        (("sg", b"", 0o2755), "sg has a set-uid or set-gid"),
        ((".git/config", b""), ".git is (on some system) a name of git's own"),
        (("sub/.GIT/hooks/x", b""), "sub/.GIT is"),
        (("git~1/config", b""), "git~1 is"),
        (("plain", b""), "plain is in the archive twice"),
        (("PLAIN", b""), "plain and PLAIN differ only by case"),
        (("plain/x", b""), "plain is both a file and a folder"),
        (("n" * 300, b""), "longer than 255 bytes"),
        (("d/" * 200 + "x", b""), "deeper than 100 folders"),
    ],
)
def test_bad_entries_are_refused_by_name(repo, entry, why):
    assert why in refused(repo, gzip.compress(tar(("plain", b""), entry)))


def test_names_with_control_characters_are_as_in_a_push_and_shown_without(repo):
    name = "Icon\r\n\x1b[2J\u202e"
    assert name in files(repo, commit(repo, tar((name, b"x"))))
    told = refused(repo, tar((name, b"x"), (name, b"y")))
    assert told == "Icon\\r\\n\\x1b[2J\\u202e is in the archive twice"
    assert refused(repo, tar((f"{name}/../x", b"x"))).isprintable()


def test_a_file_where_a_folder_is(repo):
    assert "a is in the archive twice" in refused(repo, tar(("a/x", b""), ("a", b"")))


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (("../x", b""), "../x leads out"),
        (("/x", b""), "/x is an absolute path"),
        (("..\\x", b""), "backslash"),
        (("l", b"/etc/passwd", stat.S_IFLNK | 0o777), "l -> /etc/passwd"),
        (("f", b"", stat.S_IFIFO | 0o644), "f is a device, a pipe"),
        (("s", b"", stat.S_IFREG | 0o4755), "s has a set-uid"),
    ],
)
def test_bad_entries_of_a_zip(repo, entry, why):
    assert why in refused(repo, zipped(("plain", b""), entry))


def test_an_encrypted_zip(repo):
    data = bytearray(zipped(("secret", b"1")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "secret is encrypted" in refused(repo, bytes(data))


@pytest.mark.parametrize("make", [tar, zipped])
def test_nothing_in_it(repo, make):
    assert "holds no file" in refused(repo, make())


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"\0" * 100, b"PK\x03\x04", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\0", b"x" * 9999],
)
def test_what_is_no_archive(repo, data):
    assert "archive" in refused(repo, data)


def test_cut_off_anywhere_or_changed_it_is_refused(repo):
    content = os.urandom(3000)
    for data in (
        tar(("a", content)),
        gzip.compress(tar(("a", content))),
        bz2.compress(tar(("a", content))),
        lzma.compress(tar(("a", content))),
        zipped(("a", content)),
    ):
        for end in (600, len(data) // 2, len(data) - 1):
            if data[257:262] != b"ustar" or end < 3584:  # the rest of a plain tar is padding
                assert "archive" in refused(repo, data[:end])
        if data[257:262] != b"ustar":  # which has no checksum of contents
            broken = bytearray(data)
            broken[len(data) // 2] ^= 0x40
            assert "archive" in refused(repo, bytes(broken))


def test_more_than_the_limits(repo):
    many = tar(*((f"d{n}/f{n}", b"") for n in range(11)))
    assert "more than 10 files" in refused(
        repo, many, ArchiveLimits(files=10), ArchiveTooLargeError
    )
    folders = tar(("/".join("abcdefghijk") + "/f", b""))
    refused(repo, folders, ArchiveLimits(files=10), ArchiveTooLargeError)
    empty = tar(*((f"d{n}", "", 0o755, DIR) for n in range(21)))
    refused(repo, empty, ArchiveLimits(files=10), ArchiveTooLargeError)
    zip_ = zipped(*((f"f{n}", b"") for n in range(21)))
    refused(repo, zip_, ArchiveLimits(files=10), ArchiveTooLargeError)
    large = tar(("a", b"x" * 3000))
    assert "more than 0 MB" in refused(repo, large, ArchiveLimits(bytes=2000), ArchiveTooLargeError)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_bomb_is_stopped_by_its_ratio(repo, pack):
    bomb = pack(tar(("zeros", bytes(24 << 20))))
    assert "200 times" in refused(repo, bomb, error=ArchiveTooLargeError)


def test_a_zip_bomb_is_stopped_by_its_ratio(repo):
    bomb = zipped(("zeros", bytes(24 << 20)))
    assert "200 times" in refused(repo, bomb, error=ArchiveTooLargeError)


def test_a_header_of_any_size_is_not_read(repo):
    info = tarfile.TarInfo("@LongLink")
    info.type, info.size = b"L", 8 << 30
    header = info.tobuf(tarfile.GNU_FORMAT)
    assert "header is too long" in refused(repo, header + bytes(1024))


def test_a_file_is_never_whole_in_memory(repo):
    data = io.BytesIO(gzip.compress(tar(("large", os.urandom(1 << 20) * 32)), 1))
    tracemalloc.start()
    try:
        commit_archive(repo, data, parent=None, author="A <a>", message="m")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 6 << 20


def test_cancelled_between_two_pieces_it_leaves_nothing(repo):
    asked = iter([False, False, True])
    before = everything_in(repo)
    with pytest.raises(ClientGoneError):
        commit(repo, tar(("a", bytes(1 << 20))), cancelled=lambda: next(asked))
    assert everything_in(repo) == before


def test_a_central_directory_of_any_size_is_not_read(repo, monkeypatch):
    monkeypatch.setattr(archive_entries, "LONGEST_DIRECTORY", 1000)
    data = zipped(*((f"f{n}", b"") for n in range(30)))
    refused(repo, data, error=ArchiveTooLargeError)
