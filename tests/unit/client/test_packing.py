"""The same folder gives the same archive, and the server's reader takes it."""

import os
import tarfile
import time
from pathlib import Path

import pytest

from deployzero.client.packing import pack
from deployzero.client.selection import select
from deployzero.errors import DeployZeroException
from deployzero.source.archive_entries import ArchiveLimits, Budget, EntryKind, read_entries


def make(folder: Path) -> Path:
    (folder / "sub").mkdir(parents=True)
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "sub" / "é.txt").write_text("text")
    (folder / ("n" * 150)).write_text("a long name")
    (folder / "link").symlink_to("sub/é.txt")
    return folder


def test_who_packs_when_and_with_what_modes_makes_no_difference(tmp_path: Path) -> None:
    one, two = make(tmp_path / "one"), make(tmp_path / "two")
    (one / "run.sh").chmod(0o700)
    (two / "run.sh").chmod(0o6755)
    (one / "sub" / "é.txt").chmod(0o600)
    os.utime(one / "run.sh", (1, 1))
    os.chown(two / "run.sh", 12345, 12345)
    with pack(select(one)) as first, pack(select(two)) as second:
        assert first.read() == second.read()


def test_the_server_reads_what_was_packed(tmp_path: Path) -> None:
    folder = make(tmp_path / "app")
    (folder / "run.sh").chmod(0o755)
    with pack(select(folder)) as archive:
        size = len(archive.read())
        archive.seek(0)
        found = {
            each.path.decode(): (each.kind, each.executable, each.target, b"".join(each.content))
            for each in read_entries(archive, Budget(ArchiveLimits(), size, lambda: False))
        }
        archive.seek(0)
        with tarfile.open(fileobj=archive) as read:
            modes = {each.mode for each in read if each.isfile()}
    assert found == {
        "app/link": (EntryKind.SYMLINK, False, "sub/é.txt".encode(), b""),
        f"app/{'n' * 150}": (EntryKind.FILE, False, b"", b"a long name"),
        "app/run.sh": (EntryKind.FILE, True, b"", b"#!/bin/sh\n"),
        "app/sub/é.txt": (EntryKind.FILE, False, b"", b"text"),
    }
    assert modes == {0o644, 0o755}


def test_a_file_that_goes_meanwhile_is_named(tmp_path: Path) -> None:
    folder = make(tmp_path / "app")
    found = select(folder)
    (folder / "run.sh").unlink()
    with pytest.raises(DeployZeroException, match=r"cannot read run\.sh: No such file"):
        pack(found)


def test_a_thousand_files_are_packed_within_a_second(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"{number}.txt").write_bytes(b"text")
    begun = time.process_time()
    pack(select(tmp_path)).close()
    assert time.process_time() - begun < 1
