"""What removed containers printed, on disk."""

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deployzero.deploy.log_archive import LogArchive

A, B = "a" * 64, "b" * 64


def test_a_log_is_kept_for_its_owner_alone_and_written_again_is_no_more(tmp_path: Path) -> None:
    archive = LogArchive(tmp_path / "logs", 10_000)
    for _ in range(2):
        archive.write(7, "my-web.1", 12, A, [("t1", "one"), ("t2", "two words é")])
    (found,) = archive.every(7)
    assert (found.source, found.deployment_id, found.container) == ("my-web.1", 12, A[:12])
    assert [(line.at, line.text) for line in archive.tail(found, 100)] == [
        ("t1", "one"),
        ("t2", "two words é"),
    ]
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.path.parent.stat().st_mode) == 0o700
    assert archive.every(8) == []


def test_the_last_lines_come_from_the_end(tmp_path: Path) -> None:
    archive = LogArchive(tmp_path, 10_000_000)
    archive.write(7, "web.1", 1, A, [(f"t{n}", "x" * 100) for n in range(5000)])
    (found,) = archive.every(7)
    assert [line.at for line in archive.tail(found, 2)] == ["t4998", "t4999"]
    assert len(archive.tail(found, 4000)) == 4000
    assert len(archive.tail(found, 9000)) == 5000
    assert archive.tail(found, 0) == []
    found.path.unlink()
    assert archive.tail(found, 1) == []


def test_the_oldest_go_where_all_are_too_large(tmp_path: Path) -> None:
    archive = LogArchive(tmp_path, 2500)
    for n in range(4):
        archive.write(7, "web.1", n, f"{n}" * 64, [("t", "x" * 1000)])
    assert [found.deployment_id for found in archive.every(7)] == [2, 3]
    archive.forget(7)
    archive.forget(7)
    assert archive.every(7) == []


def test_many_containers_of_an_app_that_go_at_once_all_leave_their_logs(tmp_path: Path) -> None:
    archive = LogArchive(tmp_path, 10_000_000)

    def write(n: int) -> None:
        archive.write(7, f"worker.{n}", 1, f"{n:03}" * 22, [("t", "x" * 1000)] * 20)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(100)))
    assert {found.source for found in archive.every(7)} == {f"worker.{n}" for n in range(100)}


def test_those_that_write_at_once_prune_at_once(tmp_path: Path) -> None:
    archive = LogArchive(tmp_path, 2500)

    def write(n: int) -> None:
        archive.write(7, f"worker.{n}", 1, f"{n:03}" * 22, [("t", "x" * 1000)])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(100)))
    assert len(list((tmp_path / "7").iterdir())) == 2


def test_what_cannot_be_written_leaves_nothing_nor_does_a_kill(tmp_path: Path) -> None:
    archive = LogArchive(tmp_path, 10_000)

    def lines() -> Iterator[tuple[str, str]]:
        yield "t", "text"
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        archive.write(7, "web.1", 1, A, lines())
    assert list((tmp_path / "7").iterdir()) == []
    (tmp_path / "7" / "half.new").write_text("half")
    archive.write(7, "web.1", 1, A, [("t", "text")])
    archive.clean()
    assert [path.suffix for path in (tmp_path / "7").iterdir()] == [".log"]
