"""What removed containers printed, on disk."""

import stat
from pathlib import Path

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


def test_the_oldest_go_where_all_are_too_large_and_so_do_drafts_of_a_kill(tmp_path: Path) -> None:
    archive = LogArchive(tmp_path, 2500)
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "web.1.d1.dead.log.new").write_text("half")
    for n in range(4):
        archive.write(7, "web.1", n, f"{n}" * 64, [("t", "x" * 1000)])
    assert [found.deployment_id for found in archive.every(7)] == [2, 3]
    assert sorted(path.suffix for path in (tmp_path / "7").iterdir()) == [".log", ".log"]
    archive.forget(7)
    archive.forget(7)
    assert archive.every(7) == []
